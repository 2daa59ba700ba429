"""retarget: what stays, what moves, why, and which locks cannot go where."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import (
    FetchError,
    InputError,
    Lockfile,
    ResolutionError,
    RetargetResult,
    UnlockableError,
    diff,
    retarget,
)

from ...support.freezing import INFO, NATIVE, base_lock, entry, quick_fetcher, told
from ...support.index_server import Fault, IndexServer
from ...support.resolving import asked_twice, resolved, versions
from ...support.runtimes import base_lock as real_base
from ...support.runtimes import lock_entry
from ...support.wheels import build_sdist, build_wheel, sha256

OLD_INFO = {
    "python": "3.13.2",
    "platform": "emscripten_4_0_9",
    "arch": "wasm32",
    "abi_version": "2025_0",
}
OLD_NATIVE = "cp313-cp313-pyodide_2025_0_wasm32"
CDN = "https://cdn.jsdelivr.net/pyodide/v0.29.5/full/"


def old_base(*entries: Mapping[str, Any], **extra: Any) -> Lockfile:
    """A Pyodide of the generation before."""
    packages = {item["name"]: dict(item) for item in entries}
    return Lockfile.from_json({**extra, "info": OLD_INFO, "packages": packages})


def retargeted(
    lock: Any, base: Lockfile | None = None, index_urls: Any = (), **options: Any
) -> RetargetResult:
    """Move a lock to the newest Pyodide, or to ``base``."""

    async def run() -> RetargetResult:
        fetcher = quick_fetcher()
        try:
            return await retarget(
                lock, base=base or base_lock(), index_urls=index_urls, fetcher=fetcher, **options
            )
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


def refused(*arguments: Any, **options: Any) -> str:
    """Why a lock cannot move; everything that is said tells what to do."""
    with pytest.raises(ResolutionError) as caught:
        retargeted(*arguments, **options)
    assert all(problem.message and problem.hint for problem in caught.value.problems)
    text = str(caught.value)
    assert text.startswith("The lock cannot move to Python 3.14.2, pyemscripten_2026_0_wasm32.\n\n")
    assert text.count("What would help:\n") == 1
    return text


def both(index: IndexServer, name: str, version: str, **options: Any) -> None:
    """A native package with a wheel for each of the two."""
    build_wheel(index.folder, name, version, tag=OLD_NATIVE, **options)
    build_wheel(index.folder, name, version, tag=NATIVE, **options)


# -- what stays


def test_a_file_that_fits_stays_and_no_index_is_asked(index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0", requires=["lib"])
    build_wheel(index.folder, "lib", "1.5")
    old = resolved("demo", base=old_base(), index_urls=index.url).lockfile
    build_wheel(index.folder, "demo", "2.0")
    build_wheel(index.folder, "lib", "2.0")
    index.reset()
    result = retargeted(old, index_urls=index.url)
    assert result.lockfile.packages == old.packages
    assert result.changes.changes == ()
    assert {(item.claim, item.hash_from) for item in result.evidence} == {("lock", "claim")}
    assert told(result.warnings) == []
    assert not [path for path in index.paths() if path.startswith("/simple/")]
    assert index.wheel_downloads == 0
    assert asked_twice(index) == []
    assert result.totals["requests"] == len(index.requests)


def test_a_url_of_the_new_pyodide_that_needs_its_query_is_refused(index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0")
    old = resolved("demo", "based", base=old_base(entry("based")), index_urls=index.url).lockfile
    for query, code in (
        (f"?sha256={entry('based')['sha256']}", None),
        ("?key=hunter2", "query-needed"),
    ):
        new = base_lock(
            entry("based", file_name=f"https://cdn.example/based-1.0-py3-none-any.whl{query}")
        )
        if code is None:
            written = retargeted(old, base=new, index_urls=index.url).lockfile.packages
            assert written["based"].file_name == "https://cdn.example/based-1.0-py3-none-any.whl"
            continue
        with pytest.raises(UnlockableError) as caught:
            retargeted(old, base=new, index_urls=index.url)
        assert told(caught.value.problems) == [("based", code)]
        assert "hunter2" not in str(caught.value)


def test_a_native_package_gets_the_wheel_for_the_other_abi(index: IndexServer) -> None:
    both(index, "demo", "1.0")
    old = resolved("demo", base=old_base(), index_urls=index.url).lockfile
    both(index, "demo", "2.0")
    result = retargeted(old, index_urls=index.url)
    (change,) = result.changes.changes
    assert (change.kind, result.reasons["demo"]) == (
        "file",
        "its wheel for pyemscripten_2026_0_wasm32",
    )
    assert result.lockfile.packages["demo"].file_name.endswith(f"/demo-1.0-{NATIVE}.whl")
    back = retargeted(result.lockfile, base=old_base(), index_urls=index.url)
    assert back.lockfile == old


def test_a_version_without_a_wheel_moves_and_says_so(index: IndexServer) -> None:
    build_wheel(index.folder, "cbor2", "5.6", tag=OLD_NATIVE)
    old = resolved("cbor2", base=old_base(), index_urls=index.url).lockfile
    build_wheel(index.folder, "cbor2", "5.7", tag=NATIVE)
    build_sdist(index.folder, "cbor2", "5.8")
    result = retargeted(old, index_urls=index.url)
    assert versions(result) == {"cbor2": "5.7"}
    assert result.reasons == {"cbor2": "no wheel of 5.6 for pyemscripten_2026_0_wasm32"}
    assert "cbor2 5.6 -> 5.7: no wheel of 5.6 for pyemscripten_2026_0_wasm32" in result.notes


def test_who_pins_what_has_to_move_moves_as_well(index: IndexServer) -> None:
    for number, tag in (("1.0", OLD_NATIVE), ("2.0", OLD_NATIVE), ("3.0", NATIVE)):
        build_wheel(index.folder, "pure", number, requires=[f"core=={number}"])
        build_wheel(index.folder, "core", number, tag=tag)
    build_wheel(index.folder, "user", "1.0", requires=["pure"])
    old = resolved("user", "pure<2", base=old_base(), index_urls=index.url).lockfile
    assert versions(retargeted(old, index_urls=index.url)) == {
        "user": "1.0",
        "pure": "3.0",
        "core": "3.0",
    }
    reasons = retargeted(old, index_urls=index.url).reasons
    assert reasons == {
        "pure": "1.0 needs core==1.0, but no wheel of 1.0 for pyemscripten_2026_0_wasm32",
        "core": "no wheel of 1.0 for pyemscripten_2026_0_wasm32",
    }


def test_requires_python_of_the_old_version_says_no(index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0", requires_python="<3.14")
    old = resolved("demo", base=old_base(), index_urls=index.url).lockfile
    build_wheel(index.folder, "demo", "1.1")
    result = retargeted(old, index_urls=index.url)
    assert (versions(result), result.reasons) == (
        {"demo": "1.1"},
        {"demo": "1.0 needs Python <3.14"},
    )


def test_a_file_that_is_gone_is_looked_for_on_the_index(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    old = resolved("demo", base=old_base(), index_urls=index.url).lockfile
    wheel.unlink()
    build_wheel(index.folder, "demo", "1.0", tag="py2.py3-none-any")
    build_wheel(index.folder, "demo", "1.1")
    result = retargeted(old, index_urls=index.url)
    assert (versions(result), result.reasons) == ({"demo": "1.0"}, {"demo": "its file is gone"})


def test_a_yanked_version_stays_where_it_was_locked(index: IndexServer) -> None:
    both(index, "demo", "1.0")
    old = resolved("demo", base=old_base(), index_urls=index.url).lockfile
    both(index, "demo", "2.0")
    index.yanked["demo==1.0"] = "too slow"
    result = retargeted(old, index_urls=index.url)
    assert versions(result) == {"demo": "1.0"}
    assert told(result.warnings) == [("demo", "yanked")]


def test_markers_and_what_they_ask_for_are_those_of_the_new_python(index: IndexServer) -> None:
    build_wheel(
        index.folder,
        "demo",
        "1.0",
        requires=["old; python_version<'3.14'", "new; python_version>='3.14'", "lib"],
    )
    for name in ("old", "new", "lib"):
        build_wheel(index.folder, name, "1.0")
    old = resolved("demo", base=old_base(), index_urls=index.url).lockfile
    result = retargeted(old, index_urls=index.url)
    assert result.lockfile.packages["demo"].depends == ("lib", "new")
    assert result.reasons == {
        "demo": "as its METADATA says for this Pyodide",
        "new": "needed by demo",
        "old": "nothing needs it here",
    }


# -- Pyodide's own packages


def test_pyodides_own_become_the_new_ones(index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0", requires=["numpy", "lib"])
    build_wheel(index.folder, "lib", "3.0")
    before = old_base(
        entry("numpy", "2.2", depends=["blas"]), entry("blas", "1"), entry("lib", "2.0")
    )
    old = resolved("demo", base=before, base_url=CDN, index_urls=index.url).lockfile
    after = base_lock(entry("numpy", "2.4", depends=["blas2"]), entry("blas2", "1"))
    result = retargeted(old, base=after, index_urls=index.url)
    assert versions(result) == {"demo": "1.0", "numpy": "2.4", "blas2": "1", "lib": "3.0"}
    assert result.reasons == {
        "blas": "nothing needs it here",
        "blas2": "needed by numpy",
        "lib": f"the new Pyodide has none; from {index.url}",
        "numpy": "Pyodide's own",
    }


def test_the_version_of_an_own_package_is_kept_from_the_index_before_the_base_moves_it(
    index: IndexServer,
) -> None:
    both(index, "lib", "1.5")
    old = resolved("lib>=1", base=old_base(), index_urls=index.url).lockfile
    result = retargeted(old, base=base_lock(entry("lib", "9.0")), index_urls=index.url)
    assert (versions(result), result.evidence[0].claim) == ({"lib": "1.5"}, "index")
    result = retargeted(old, base=base_lock(entry("lib", "1.5")), index_urls=index.url)
    assert (versions(result), result.evidence[0].claim) == ({"lib": "1.5"}, "base")
    assert result.reasons == {"lib": "Pyodide's own, of the same version"}
    index.remove(f"lib-1.5-{NATIVE}.whl")
    result = retargeted(old, base=base_lock(entry("lib", "9.0")), index_urls=index.url)
    assert result.reasons == {
        "lib": "no wheel of 1.5 for pyemscripten_2026_0_wasm32, so Pyodide's own"
    }


def test_a_whole_distribution_becomes_the_whole_new_one(index: IndexServer) -> None:
    both(index, "mine", "1.0", requires=["numpy"])
    before = Lockfile.from_json(real_base("0.29.5"))
    own = resolved("mine", base=before, index_urls=index.url).lockfile.packages["mine"]
    old = Lockfile(before.info, {**before.packages, "mine": own})
    after = Lockfile.from_json(real_base("314.0.7"))
    result = retargeted(old, base=after, index_urls=index.url)
    assert result.lockfile.packages.keys() == {*after.packages, "mine"}
    assert "ssl" not in " ".join(result.notes) and len(result.notes) == 3
    assert [change.package for change in diff(after, result.lockfile).changes] == ["mine"]
    assert result.requested == ("mine",)
    assert result.reasons["ssl"] == "the new Pyodide has it built in, or does without"
    assert result.reasons["numpy"] == "Pyodide's own"
    back = retargeted(result.lockfile, base=before, index_urls=index.url)
    assert diff(old, back.lockfile).equal


def test_parts_of_the_old_pyodide_that_no_index_can_have_are_done_without(
    index: IndexServer,
) -> None:
    module = entry("ssl", depends=["openssl"], package_type="cpython_module")
    library = entry(
        "openssl", file_name="openssl-1.1.1w.zip", version="1.1.1w", package_type="shared_library"
    )
    build_wheel(index.folder, "demo", "1.0")
    before = old_base(module, library)
    old = resolved("demo", "ssl", base=before, index_urls=index.url).lockfile
    result = retargeted(old, index_urls=index.url)
    assert versions(result) == {"demo": "1.0"}
    assert (
        result.reasons["ssl"]
        == result.reasons["openssl"]
        == "the new Pyodide has it built in, or does without"
    )
    assert versions(
        retargeted(old, base=base_lock(module, library), index_urls=index.url)
    ) == versions_of(old)


def versions_of(lock: Lockfile) -> dict[str, str]:
    return {name: item.version for name, item in lock.packages.items()}


def test_a_package_of_the_base_that_cannot_be_had_is_looked_for_on_the_index(
    index: IndexServer,
) -> None:
    build_wheel(index.folder, "lib", "1.0", extras={"x": ["core"]})
    build_wheel(index.folder, "core", "1.0")
    old = resolved(
        "lib[x]", "core<2", base=old_base(entry("lib"), tool={}), index_urls=index.url
    ).lockfile
    index.remove("lib-1.0-py3-none-any.whl")
    build_wheel(index.folder, "lib", "2.0", extras={"x": ["core>=2"]})
    build_wheel(index.folder, "lib", "3.0", extras={"x": ["core>=1"]})
    build_wheel(index.folder, "core", "2.0")
    # Pyodide's own needs a core that was not asked for; nobody knew before METADATA had been read.
    result = retargeted(old, base=base_lock(entry("lib", "2.0")), index_urls=index.url)
    assert versions(result) == {"lib": "3.0", "core": "1.0"}


# -- what was asked for


@pytest.fixture
def extras(index: IndexServer) -> IndexServer:
    """A package whose extra brings another one, used by a second package without that extra."""
    for name in ("h2", "color", "other"):
        build_wheel(index.folder, name, "1.0")
    build_wheel(
        index.folder,
        "http",
        "1.0",
        extras={"http2": ["h2"], "color": ["color"], "never": ["other"]},
    )
    build_wheel(index.folder, "client", "1.0", requires=["http[color]"])
    return index


def test_extras_are_read_from_what_the_lock_depends_on(extras: IndexServer) -> None:
    old = resolved("client", "http[http2]", base=old_base(), index_urls=extras.url).lockfile
    assert old.extra == {}
    extras.reset()
    result = retargeted(old, index_urls=extras.url)
    assert result.requested == result.guessed == ("client", "http[http2]")
    assert result.lockfile.packages == old.packages
    assert result.origin == (
        "2 of 2 requirements: what nothing else in the lock needs, for it does not say what "
        "was asked for."
    )
    assert asked_twice(extras) == []


def test_what_the_lock_says_was_asked_for_is_believed(extras: IndexServer) -> None:
    # The other one speaks of «http», and nothing of the extra is to be guessed.
    old = resolved(
        "client",
        "http[http2]>=1",
        "never; sys_platform=='win32'",
        base=old_base(tool={}),
        index_urls=extras.url,
    ).lockfile
    assert old.extra["tool"]["micropip-lock"]["requested"] == ["client", "http[http2]>=1"]
    result = retargeted(old, base=base_lock(tool={}), index_urls=extras.url)
    assert (result.requested, result.guessed, result.origin) == (
        ("client", "http[http2]>=1"),
        (),
        "",
    )
    assert result.lockfile.packages == old.packages
    assert result.lockfile.extra["tool"]["micropip-lock"]["requested"] == [
        "client",
        "http[http2]>=1",
    ]


def test_what_it_says_is_completed_by_what_nothing_needs(extras: IndexServer) -> None:
    build_wheel(extras.folder, "loose", "1.0", extras={"more": ["other"]})
    lock = resolved(
        "client", "loose[more]", base=old_base(tool={}), index_urls=extras.url
    ).lockfile.to_dict()
    lock["tool"]["micropip-lock"]["requested"] = ["client", "no requirement at all", 5]
    result = retargeted(lock, index_urls=extras.url)
    assert (result.requested, result.guessed) == (("client", "loose[more]"), ("loose[more]",))
    assert result.lockfile.packages.keys() == lock["packages"].keys()


def test_a_requirement_that_was_asked_for_still_holds(index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.5", tag=OLD_NATIVE)
    old = resolved("demo<2", base=old_base(tool={}), index_urls=index.url).lockfile
    both(index, "demo", "1.9")
    both(index, "demo", "2.0")
    assert versions(retargeted(old, index_urls=index.url)) == {"demo": "1.9"}
    result = retargeted(old, index_urls=index.url, requested="demo>=2")
    assert (versions(result), result.requested) == ({"demo": "2.0"}, ("demo>=2",))
    assert result.reasons == {"demo": "no wheel of 1.5 for pyemscripten_2026_0_wasm32"}


def test_requirements_that_are_named_count_alone(extras: IndexServer) -> None:
    old = resolved("client", "http[http2]", base=old_base(), index_urls=extras.url).lockfile
    result = retargeted(old, index_urls=extras.url, requested=["http>=1"])
    assert versions(result) == {"http": "1.0"}
    assert result.reasons["client"] == "nothing needs it here"


def test_extras_that_nobody_can_know_are_told(extras: IndexServer) -> None:
    old = resolved("http[http2]", base=old_base(), index_urls=extras.url).lockfile
    extras.remove("http-1.0-py3-none-any.whl")
    build_wheel(extras.folder, "http", "2.0")
    result = retargeted(old, index_urls=extras.url)
    assert versions(result) == {"http": "2.0"}
    assert told(result.warnings) == [("http", "extra-guessed")]


def test_extras_that_could_be_known_later_are_not_given_up(extras: IndexServer) -> None:
    old = resolved("http[http2]", base=old_base(), index_urls=extras.url).lockfile
    extras.faults["/files/http-1.0-py3-none-any.whl"] = Fault("status", status=503)
    with pytest.raises(FetchError):
        retargeted(old, index_urls=extras.url)


def test_of_a_circle_one_is_asked_for(index: IndexServer) -> None:
    build_wheel(index.folder, "ping", "1.0", requires=["pong"])
    build_wheel(index.folder, "pong", "1.0", requires=["ping"])
    old = resolved("pong", base=old_base(), index_urls=index.url).lockfile
    result = retargeted(old, index_urls=index.url)
    assert result.lockfile.packages == old.packages
    # So does a lock that says it both ways, which no runtime can load.
    lock = old.to_dict()
    for name, other in (("ping", "pong"), ("pong", "ping")):
        lock["packages"][name]["depends"] = [other]
    assert retargeted(lock, index_urls=index.url).lockfile.packages == old.packages


def test_a_wheel_that_is_on_no_index(index: IndexServer, tmp_path: Path) -> None:
    with IndexServer() as elsewhere:
        url = elsewhere.add(build_wheel(tmp_path, "private", "1.0"))
        native = build_wheel(tmp_path, "built", "1.0", tag=OLD_NATIVE)
        other = elsewhere.add(native)
        old = resolved(f"private @ {url}", base=old_base(), index_urls=index.url).lockfile
        assert retargeted(old, index_urls=index.url).lockfile.packages == old.packages
        lock = old.to_dict()
        lock["packages"]["built"] = lock_entry(native, other)
        text = refused(lock, index_urls=index.url)
    assert f"There is no project built on {index.url}." in text


def test_what_lies_beside_the_lock(extras: IndexServer) -> None:
    # A bundle has no URLs; whether an extra was asked for cannot be read from its files here.
    lock = resolved("http[http2]", base=old_base(), index_urls=extras.url).lockfile.to_dict()
    for item in lock["packages"].values():
        item["file_name"] = item["file_name"].rpartition("/")[2]
    build_wheel(extras.folder, "http", "2.0", extras={"http2": ["h2"]})
    result = retargeted(lock, index_urls=extras.url)
    assert versions(result) == {"http": "1.0"}
    assert told(result.warnings) == [("http", "extra-guessed")]
    assert versions(retargeted(lock, index_urls=extras.url, requested="http[http2]")) == {
        "http": "1.0",
        "h2": "1.0",
    }


# -- what cannot move


def test_a_wheel_that_was_asked_for_by_its_url(index: IndexServer) -> None:
    url = index.add(build_wheel(index.folder, "demo", "1.0", tag=OLD_NATIVE))
    old = resolved(f"demo @ {url}", base=old_base(tool={}), index_urls=index.url).lockfile
    both(index, "demo", "2.0")
    assert "the URL names no wheel of it that fits this Pyodide" in refused(
        old, index_urls=index.url
    )


def test_every_package_without_a_wheel_is_told_at_once(index: IndexServer) -> None:
    names = [f"native-{number}" for number in range(8)]
    for name in names:
        for version in ("1.0", "2.0"):
            build_wheel(index.folder, name, version, tag=OLD_NATIVE)
    build_wheel(index.folder, "app", "1.0", requires=["deep-1", "deep-2"])
    for name in ("deep-1", "deep-2"):
        build_wheel(index.folder, name, "1.0", tag=OLD_NATIVE)
    build_sdist(index.folder, "deep-2", "3.0")
    build_wheel(index.folder, "fine", "1.0")
    old = resolved(*names, "app", "fine", base=old_base(), index_urls=index.url).lockfile
    with pytest.raises(ResolutionError) as caught:
        retargeted(old, index_urls=index.url)
    found = {problem.package: problem.code for problem in caught.value.problems}
    assert found == dict.fromkeys([*names, "deep-1", "deep-2"], "no-matching-wheel")
    text = refused(old, index_urls=index.url)
    assert (
        "2.0, 1.0: no wheel that fits this Pyodide (pyemscripten_2026_0_wasm32, or pure Python)"
        in text
    )
    assert "app also needed this one:" in text
    assert "fine" not in text


def test_new_versions_of_the_base_that_exclude_each_other(index: IndexServer) -> None:
    build_wheel(index.folder, "app", "1.0", requires=["numpy<2.3"])
    build_wheel(index.folder, "tool", "1.0", requires=["scipy"])
    build_wheel(index.folder, "alone", "1.0", tag=OLD_NATIVE)
    before = old_base(entry("numpy", "2.2"), entry("scipy", "1.14"))
    old = resolved("app", "tool", "alone", base=before, index_urls=index.url).lockfile
    build_wheel(index.folder, "numpy", "2.2", tag="cp313-cp313-manylinux_2_28_x86_64")
    after = base_lock(entry("numpy", "2.4"), entry("scipy", "1.17", depends=["numpy"]))
    text = refused(old, base=after, index_urls=index.url)
    assert "app 1.0 needs numpy<2.3; you asked for app" in text
    assert "2.4 of Pyodide's own: not numpy<2.3 (app)" in text
    assert "alone has no version that fits:" in text


def test_requirements_that_only_conflict_together(index: IndexServer) -> None:
    for name, shared in (("left", "shared<2"), ("right", "shared>=2")):
        build_wheel(index.folder, name, "1.0", requires=["shared<2"], tag=OLD_NATIVE)
        build_wheel(index.folder, name, "2.0", requires=[shared], tag=NATIVE)
    build_wheel(index.folder, "shared", "1.0")
    build_wheel(index.folder, "shared", "2.0")
    build_wheel(index.folder, "none", "1.0", tag=OLD_NATIVE)
    old = resolved("left", "right", "none", base=old_base(), index_urls=index.url).lockfile
    text = refused(old, index_urls=index.url)
    assert "none has no version that fits:" in text
    assert "No version of shared suits them all:" in text
    assert "Loosen or leave out «left» or «right»." in text


def test_reasons_count_even_where_others_are_not_to_be_had(index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0", tag=OLD_NATIVE)
    both(index, "lib", "1.0")
    old = resolved("demo", "lib", base=old_base(), index_urls=index.url).lockfile
    index.faults["/simple/lib/"] = Fault("status", status=500)
    text = refused(old, index_urls=index.url)
    assert "demo has no version that fits:" in text and "lib" not in text


def test_an_index_that_does_not_answer_is_no_refusal(index: IndexServer) -> None:
    both(index, "demo", "1.0")
    old = resolved("demo", base=old_base(), index_urls=index.url).lockfile
    index.close()
    with pytest.raises(FetchError):
        retargeted(old, index_urls=index.url)


def test_input_that_is_no_lock_of_a_pyodide(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the lock"):
        retargeted("{}")
    with pytest.raises(InputError, match="absent"):
        retargeted(tmp_path / "absent.json")
    with pytest.raises(InputError, match=r"info\.platform"):
        retargeted({"info": {**INFO, "platform": "linux"}, "packages": {}})
    with pytest.raises(InputError, match="nothing to move"):
        retargeted(old_base())
    with pytest.raises(InputError, match="no requirement"):
        retargeted(old_base(), requested="a b")


def test_any_form_of_a_lock(index: IndexServer, tmp_path: Path) -> None:
    build_wheel(index.folder, "demo", "1.0")
    old = resolved("demo", base=old_base(), index_urls=index.url).lockfile
    path = tmp_path / "pyodide-lock.json"
    old.write(path)
    found = [
        retargeted(form, index_urls=index.url).to_json()
        for form in (old, path, str(path), old.to_json())
    ]
    assert len(set(found)) == 1
    assert json.loads(found[0])["info"] == INFO
    assert sha256(index.folder / "demo-1.0-py3-none-any.whl") in found[0]


@pytest.mark.parametrize("order", [1, -1])
def test_one_url_with_two_hashes_on_the_page_of_the_new_wheel(
    order: int, index: IndexServer
) -> None:
    both(index, "demo", "1.0")
    old = resolved("demo", base=old_base(), index_urls=index.url).lockfile
    wheel = index.folder / f"demo-1.0-{NATIVE}.whl"
    index.list_hashes(index.file_url(wheel.name), *[sha256(wheel), "ab" * 32][::order])
    with pytest.raises(UnlockableError) as caught:
        retargeted(old, index_urls=index.url)
    assert told(caught.value.problems) == [("demo", "hash-conflict")]
