"""What micropip.freeze() 0.11.1 writes, made in real Pyodide, and what verify says of it: one test
for each defect.

The set-ups are those of test_micropip_defects.py, where our own lock of the same environment is
right.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.inside import freeze, unpack
from tests.support.node_pyodide import NodePyodide
from tests.support.runner_session import RunnerSession
from tests.support.session import PyodideSession
from tests.support.verifying import codes, definite, only, static, verified
from tests.support.wheels import build_wheel

#: What is wrong with every lock that micropip makes in Node: names of the base became paths of this
#: machine.
LOCAL = [("micropip", "local-file"), ("packaging", "local-file")]


def frozen_by_micropip(session: PyodideSession) -> str:
    """The text that micropip.freeze() returns."""
    session.load_packages(["micropip"])
    text: str = session.run("import micropip; micropip.freeze()", fresh=True)
    return text


def found(problems: Any) -> set[tuple[str, str]]:
    """What is wrong beside what always is; and the advice that is about the same everywhere."""
    usual = {*LOCAL, *((package, "incomplete") for package, _ in codes(problems))}
    return set(codes(problems)) - usual


def test_imports_are_empty_without_top_level_txt(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    build_wheel(index.folder, "demo", "1.0", files={"richer/__init__.py": "", "single.py": ""})
    build_wheel(index.folder, "data", "1.0", files={"data.txt": ""})
    pyodide314.install("demo", "data", index_url=index.url)
    lock = frozen_by_micropip(pyodide314)
    # The lock alone cannot tell whether there is anything to import; RECORD can.
    assert found(static(lock)) == {("demo", "imports-empty"), ("data", "imports-empty")}
    index.reset()
    problems = verified(lock, index_urls=index.url)
    assert found(problems) == {("demo", "no-imports")}
    assert "richer, single" in only(problems, "no-imports").message
    assert index.wheel_downloads == 0


def test_both_packages_of_a_namespace_claim_it(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    for part in ("context", "functools"):
        files = {f"space/{part}.py": ""}
        build_wheel(
            index.folder,
            f"space.{part}",
            "1.0",
            files=files,
            dist_info_files={"top_level.txt": "space\n"},
        )
    pyodide314.install("space.context", "space.functools", index_url=index.url)
    problem = only(static(frozen_by_micropip(pyodide314)), "import-collision")
    assert "space is claimed by space-context and by space-functools" in problem.message


def test_self_referencing_extras_become_self_dependencies(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    build_wheel(
        index.folder, "self-made", "1.0", extras={"one": ["first"], "all": ["Self_Made[one]"]}
    )
    pyodide314.install("self-made[all]", index_url=index.url)
    problem = only(static(frozen_by_micropip(pyodide314)), "cycle")
    assert (problem.package, "depends on itself" in problem.message) == ("self-made", True)


def test_cycles_deadlock(pyodide314: RunnerSession, index: IndexServer) -> None:
    build_wheel(index.folder, "hen", "1.0", requires=["egg"])
    build_wheel(index.folder, "egg", "1.0", requires=["hen"])
    pyodide314.install("hen", index_url=index.url)
    problem = only(static(frozen_by_micropip(pyodide314)), "cycle")
    assert "egg, hen depend on each other" in problem.message


@pytest.mark.parametrize("scheme", ["emfs", "file"])
def test_local_urls_are_kept(
    pyodide314: RunnerSession, tmp_path: Path, scheme: str, index: IndexServer
) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    pyodide314.write(f"/tmp/{wheel.name}", wheel.read_bytes())
    pyodide314.install(f"emfs:/tmp/{wheel.name}", index_url=index.url)
    if scheme == "file":  # micropip reads it by fetch, which Node refuses
        claim = f"/lib/python3.14/site-packages/{wheel.name.split('-py3')[0]}.dist-info/PYODIDE_URL"
        pyodide314.write(claim, f"file:///tmp/{wheel.name}".encode())
    problems = static(frozen_by_micropip(pyodide314))
    assert found(problems) == {("demo", "local-file"), ("demo", "imports-empty")}


def test_tokens_are_kept(pyodide314: RunnerSession, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    pyodide314.install(f"{index.file_url(wheel.name)}?token=s3cret", index_url=index.url)
    lock = frozen_by_micropip(pyodide314)
    assert "s3cret" in lock
    problems = verified(lock, index_urls=index.url)
    assert found(problems) == {("demo", "query-needed"), ("demo", "no-imports")}
    assert "s3cret" not in str(problems)


def test_entries_lack_package_type_and_unvendored_tests(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    build_wheel(index.folder, "demo", "1.0")
    pyodide314.install("demo", index_url=index.url)
    problem = only(static(frozen_by_micropip(pyodide314)), "incomplete")
    assert problem.package == "demo"
    assert "it lacks package_type, unvendored_tests" in problem.message


def test_mocks_are_dropped_while_others_need_them(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    build_wheel(index.folder, "demo", "1.0", requires=["fake"])
    pyodide314.load_packages(["micropip"])
    pyodide314.run("import micropip; micropip.add_mock_package('fake', '1.0')")
    pyodide314.install("demo", index_url=index.url)
    problem = only(static(frozen_by_micropip(pyodide314)), "missing-dependency")
    assert (problem.package, "depends on fake" in problem.message) == ("demo", True)


def test_base_names_become_local_paths_in_node(node314: NodePyodide) -> None:
    problems = static(frozen_by_micropip(node314))
    assert definite(problems) == LOCAL
    # Whose machine it was is nobody's business.
    assert "(.../packaging-" in str(problems) and ".cache" not in str(problems)


def test_extras_asked_for_in_a_later_call_are_lost(
    pyodide314: RunnerSession, index: IndexServer
) -> None:
    build_wheel(index.folder, "addition", "1.0")
    build_wheel(index.folder, "middle", "1.0", extras={"more": ["addition"]})
    build_wheel(index.folder, "top", "1.0", requires=["middle[more]"])
    pyodide314.install("middle", index_url=index.url)
    pyodide314.install("top", index_url=index.url)
    # micropip looks no further than at what is installed already.
    lock = frozen_by_micropip(pyodide314)
    assert ("top", "missing-dependency") in found(verified(lock, index_urls=index.url))
    pyodide314.install("addition", index_url=index.url)
    problem = only(
        verified(frozen_by_micropip(pyodide314), index_urls=index.url), "lost-dependency"
    )
    assert problem.package == "top"
    assert "addition for the extra middle[more]" in problem.message


def test_what_shadows_a_base_package_has_drifted(
    fresh_pyodide: Callable[..., NodePyodide], tmp_path: Path
) -> None:
    base = runtimes.read_json(runtimes.emptied_base(runtimes.VERSIONS[-1]) / "pyodide-lock.json")
    base["packages"]["shadowed"] = runtimes.lock_entry(
        build_wheel(tmp_path, "shadowed", "1.0"), imports=["shadowed"]
    )
    session = fresh_pyodide(lock=base)
    session.load_packages(["packaging", "micropip"])
    unpack(session, build_wheel(tmp_path, "shadowed", "2.0"))
    lock = frozen_by_micropip(session)
    assert json.loads(lock)["packages"]["shadowed"]["version"] == "1.0"
    problems = inside(session, lock, path="/lib/python3.14/site-packages", online=False)
    assert [item for item in problems if item not in LOCAL] == [
        ("shadowed", "drift"),
        ("shadowed", "local-file"),
    ]


def inside(session: NodePyodide, lock: str, **arguments: Any) -> list[tuple[str, str]]:
    """verify() inside the runtime: (package, code) of each problem."""
    session.write("/tmp/lock.json", lock.encode())
    code = (
        "import json, micropip_lock\n"
        "problems = await micropip_lock.verify('/tmp/lock.json', "
        f"**json.loads({json.dumps(arguments)!r}))\n"
        "[[problem.package, problem.code] for problem in problems]"
    )
    return [
        (package, what) for package, what in session.run(code, fresh=True) if what != "not-portable"
    ]


# -- the same in Pyodide


def test_what_freeze_writes_is_true_inside_too(pyodide: NodePyodide, index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0", requires=["lib"])
    build_wheel(index.folder, "lib", "1.0")
    pyodide.install("demo", index_url=index.url)
    text = freeze(pyodide).text
    assert inside(pyodide, text, index_urls=index.url) == []
    assert inside(pyodide, text, index_urls=index.url, deep=True) == []
    index.remove("lib-1.0-py3-none-any.whl")
    assert inside(pyodide, text, index_urls=index.url) == [("lib", "gone")]


def test_the_surroundings_inside(pyodide314: RunnerSession, index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0")
    pyodide314.install("demo", index_url=index.url)
    pyodide314.write("/tmp/lock.json", freeze(pyodide314).text.encode())
    code = f"""
        import micropip_lock
        from micropip_lock import environment
        around = environment.detect()
        problems = await micropip_lock.verify("/tmp/lock.json", surroundings=around, index_urls={index.url!r})
        [[problem.package, problem.code] for problem in problems if problem.code != "not-portable"]
    """
    assert pyodide314.run(code, fresh=True) == []
    pyodide314.run("import demo; open(demo.__file__, 'a').write('edited = True')", fresh=True)
    assert pyodide314.run(code, fresh=True) == [["demo", "files-changed"]]
