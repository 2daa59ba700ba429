"""The zoo inside Pyodide: what micropip, loadPackage and unpacking by hand leave behind."""

from __future__ import annotations

import zipfile

from ..support.inside import unpack
from ..support.node_pyodide import NodePyodide
from ..support.wheels import build_wheel, sha256
from .pyodide_case import Cage, case

WITNESSED = "locked by installer"


@case("micropip, from an index", WITNESSED)
def _(cage: Cage) -> None:
    build_wheel(cage.index.folder, "animal", "1.0")
    cage.session.install("animal", index_url=cage.index.url)


@case("micropip, by URL", WITNESSED)
def _(cage: Cage) -> None:
    wheel = build_wheel(cage.index.folder, "animal", "1.0")
    cage.session.install(cage.index.file_url(wheel.name), index_url=cage.index.url)


@case("micropip, a wheel in Pyodide's own files (emfs:)", "local-file", "Publish the wheel")
def _(cage: Cage) -> None:
    wheel = build_wheel(cage.index.folder, "animal", "1.0")
    cage.session.write(f"/tmp/{wheel.name}", wheel.read_bytes())
    cage.session.install(f"emfs:/tmp/{wheel.name}", index_url=cage.index.url)


@case("micropip in Node, a wheel on the disk (file:)", "local-file", "Publish the wheel")
def _(cage: Cage) -> None:
    wheel = build_wheel(cage.index.folder, "animal", "1.0")
    cage.session.install(wheel.as_uri(), index_url=cage.index.url)


@case("a mock package of micropip, as a folder", "mock", "micropip.remove_mock_package")
def _(cage: Cage) -> None:
    cage.session.load_packages(["micropip"])
    cage.session.run(
        "import micropip; micropip.add_mock_package('animal', '1.0', persistent=True)", fresh=True
    )


@case("a mock package of micropip, in memory", "mock", "micropip.remove_mock_package")
def _(cage: Cage) -> None:
    cage.session.load_packages(["micropip"])
    cage.session.run("import micropip; micropip.add_mock_package('animal', '1.0')", fresh=True)


@case("loadPackage(URL), listed by the index", "locked by content")
def _(cage: Cage) -> None:
    wheel = build_wheel(cage.index.folder, "animal", "1.0")
    cage.session.load_packages([cage.index.file_url(wheel.name)])


@case(
    "loadPackage(URL) of a wheel that ships PYODIDE_URL for another one",
    "content-mismatch",
    "micropip.uninstall",
)
def _(cage: Cage) -> None:
    victim = build_wheel(cage.index.folder, "victim", "1.0")
    marks = {"PYODIDE_URL": cage.index.file_url(victim.name), "PYODIDE_SHA256": sha256(victim)}
    wheel = build_wheel(cage.index.folder, "animal", "1.0", dist_info_files=marks)
    cage.session.load_packages([cage.index.file_url(wheel.name)])


def _forged(cage: Cage) -> bytes:
    url = cage.index.file_url("animal-1.0-py3-none-any.whl")
    marks = {"INSTALLER": "micropip", "PYODIDE_URL": url}
    return build_wheel(cage.index.folder, "animal", "1.0", dist_info_files=marks).read_bytes()


@case(
    "unpackArchive of a wheel that ships INSTALLER and PYODIDE_URL",
    "forged-claim",
    "Do not trust this wheel",
)
def _(cage: Cage) -> None:
    _forged(cage)
    unpack(cage.session, cage.index.folder / "animal-1.0-py3-none-any.whl")


@case(
    "unpack_archive of a fetched wheel that ships them", "forged-claim", "Do not trust this wheel"
)
def _(cage: Cage) -> None:
    _forged(cage)
    url = cage.index.file_url("animal-1.0-py3-none-any.whl")
    cage.session.run(
        f"""
        import sysconfig
        from pyodide.http import pyfetch

        response = await pyfetch({url!r})
        await response.unpack_archive(extract_dir=sysconfig.get_path("purelib"), format="wheel")
        """,
        fresh=True,
    )


def _behind(cage: Cage, folder: str) -> None:
    """micropip installs one;

    one of other contents, with micropip's marks of that one, is to be put in front of it.
    """
    url = cage.index.file_url(build_wheel(cage.index.folder, "animal", "1.0").name)
    cage.session.install("animal", index_url=cage.index.url)
    cage.session.run(f"import sys; sys.path.insert(0, {folder!r})", fresh=True)
    marks = {"INSTALLER": "micropip", "PYODIDE_URL": url}
    build_wheel(
        cage.index.folder / "forged",
        "animal",
        "1.0",
        files={"animal.py": "x = 2\n"},
        dist_info_files=marks,
    )


@case(
    "a mounted folder in front of what micropip installed, with micropip's marks",
    "content-mismatch",
)
def _(cage: Cage) -> None:
    _behind(cage, "/mnt/site")
    folder = cage.index.folder / "forged" / "site"
    with zipfile.ZipFile(cage.index.folder / "forged" / "animal-1.0-py3-none-any.whl") as archive:
        archive.extractall(folder)
    assert isinstance(cage.session, NodePyodide)
    cage.session.mount(folder, "/mnt/site")


@case(
    "a folder in memory in front of what micropip installed, with micropip's marks",
    "content-mismatch",
)
def _(cage: Cage) -> None:
    folder = "/tmp/in-front"
    _behind(cage, folder)
    unpack(cage.session, cage.index.folder / "forged" / "animal-1.0-py3-none-any.whl", folder)


@case("unpackArchive of a wheel that the index has", "locked by content")
def _(cage: Cage) -> None:
    unpack(cage.session, build_wheel(cage.index.folder, "animal", "1.0"))


@case("modules in .data/purelib, which Pyodide does not spread", "layout", "at the root")
def _(cage: Cage) -> None:
    build_wheel(cage.index.folder, "animal", "1.0", files={}, data={"purelib/animal.py": "x = 1\n"})
    cage.session.install("animal", index_url=cage.index.url)
