"""The zoo: every way that a package gets installed on the host, by the tools that people use."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ..support.freezing import NATIVE, entry
from ..support.wheels import (
    Row,
    build_sdist,
    build_wheel,
    repack,
    sha256,
    with_unicode_path,
    wrong_size,
)
from .case import Zoo, case

LOCKED = "locked by content"
PUBLISH = "Build a wheel"
FROM_WHEEL = "--only-binary=:all:"
AGAIN = "--upgrade --target"
PUBLISHER = "Installing it again changes nothing"


def _source(zoo: Zoo) -> Path:
    """A source tree of ``animal`` that builds offline, editable as well."""
    sdist = build_sdist(zoo.place / "sdist", "animal", "1.0")
    subprocess.run(["tar", "xzf", str(sdist), "-C", str(zoo.place)], check=True)
    tree = zoo.place / "animal-1.0"
    backend = tree / "backend.py"
    backend.write_text(backend.read_text() + "\n\nbuild_editable = build_wheel\n")
    return tree


def _edit(path: Path, change: bytes, *, same_size: bool) -> None:
    content = path.read_bytes()
    path.write_bytes(change + content[len(change) :] if same_size else content + change)


# -- built from source


@case(
    "pip built it from an sdist; the index has no wheel",
    "sdist",
    "Install a version that has a wheel",
)
def _(zoo: Zoo) -> None:
    zoo.index.add(build_sdist(zoo.place / "sdist", "animal", "1.0"))
    zoo.pip("animal", flags=("--no-build-isolation",))


@case("pip built it from an sdist; a wheel on the index holds the same", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.index.add(build_sdist(zoo.place / "sdist", "animal", "1.0"))
    zoo.pip("animal", flags=("--no-build-isolation",))
    zoo.wheel()


@case(
    "pip built it from an sdist; a wheel on the index holds something else",
    "content-mismatch",
    FROM_WHEEL,
)
def _(zoo: Zoo) -> None:
    zoo.index.add(build_sdist(zoo.place / "sdist", "animal", "1.0"))
    zoo.pip("animal", flags=("--no-build-isolation",))
    zoo.wheel(files={"animal.py": "# compiled\n"})


@case("pip install --no-binary, beside a wheel of other contents", "content-mismatch", FROM_WHEEL)
def _(zoo: Zoo) -> None:
    zoo.index.add(build_sdist(zoo.place / "sdist", "animal", "1.0"))
    zoo.wheel(files={"animal.py": "# compiled\n"})
    zoo.pip("animal", flags=("--no-build-isolation", "--no-binary", "animal"))


@case("uv built it from an sdist (uv_build.json)", "sdist", FROM_WHEEL)
def _(zoo: Zoo) -> None:
    zoo.index.add(build_sdist(zoo.place / "sdist", "animal", "1.0"))
    zoo.uv("animal", flags=("--no-build-isolation",))


@case("an sdist by URL", "sdist", FROM_WHEEL)
def _(zoo: Zoo) -> None:
    url = zoo.index.add(build_sdist(zoo.place / "sdist", "animal", "1.0"))
    zoo.pip(f"animal @ {url}", flags=("--no-build-isolation",))


# -- from this machine


@case("a local folder, by pip", "local-directory", PUBLISH)
def _(zoo: Zoo) -> None:
    zoo.pip(str(_source(zoo)), flags=("--no-build-isolation",), offline=True)


@case("a local folder, by uv", "local-directory", PUBLISH)
def _(zoo: Zoo) -> None:
    zoo.uv(str(_source(zoo)), flags=("--no-build-isolation",))


@case("an editable install (PEP 660), by pip", "editable", PUBLISH)
def _(zoo: Zoo) -> None:
    zoo.pip("--editable", str(_source(zoo)), flags=("--no-build-isolation",), offline=True)


@case("an editable install (PEP 660), by uv", "editable", PUBLISH)
def _(zoo: Zoo) -> None:
    zoo.uv("--editable", str(_source(zoo)), flags=("--no-build-isolation",))


@case("an editable install by .egg-link and .pth (setup.py develop)", "legacy-metadata", AGAIN)
def _(zoo: Zoo) -> None:
    zoo.folder.mkdir()
    (zoo.folder / "animal.egg-link").write_text("../source\n.\n")
    (zoo.folder / "easy-install.pth").write_text("../source\n")


@case("version control, by pip", "vcs", PUBLISH)
def _(zoo: Zoo) -> None:
    zoo.pip(f"animal @ {_repository(zoo)}", flags=("--no-build-isolation",), offline=True)


@case("version control, by uv", "vcs", PUBLISH)
def _(zoo: Zoo) -> None:
    zoo.uv(f"animal @ {_repository(zoo)}", flags=("--no-build-isolation",))


def _repository(zoo: Zoo) -> str:
    tree = _source(zoo)
    git = ["git", "-C", str(tree), "-c", "user.name=zoo", "-c", "user.email=zoo@index.example"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "animal"]):
        subprocess.run([*git, *command], check=True)
    return f"git+{tree.as_uri()}"


@case("a local wheel by path, by pip", "local-file", "Publish the wheel")
def _(zoo: Zoo) -> None:
    zoo.pip(str(zoo.wheel(listed=False)), offline=True)


@case("a local wheel by path, by uv", "local-file", "Publish the wheel")
def _(zoo: Zoo) -> None:
    zoo.uv(str(zoo.wheel(listed=False)))


@case("a local wheel by file: URL", "local-file", "Publish the wheel")
def _(zoo: Zoo) -> None:
    zoo.pip(f"animal @ {zoo.wheel(listed=False).as_uri()}", offline=True)


@case("a local wheel by find-links, which is configured", "local-file", "Publish the wheel")
def _(zoo: Zoo) -> None:
    links = zoo.wheel(listed=False).parent
    zoo.pip("animal", flags=("--find-links", str(links)))
    zoo.index_urls.append(links.as_uri() + "/{package_name}")  # a folder that lists what it holds
    (links / "animal").mkdir()
    repack(links / "animal-1.0-py3-none-any.whl", links / "animal", stored=False)


@case("a local wheel by find-links, which is not configured", "no-such-project", "--index-url")
def _(zoo: Zoo) -> None:
    zoo.pip("animal", flags=("--find-links", str(zoo.wheel(listed=False).parent)))


# -- by URL


@case(
    "a wheel by URL, by pip (with its hash), that no index lists",
    "locked by content, warns claimed-hash",
    "--download",
)
def _(zoo: Zoo) -> None:
    zoo.pip(f"animal @ {zoo.index.add(zoo.wheel())}")
    zoo.index_urls.clear()


@case("the same with --download", "locked by download")
def _(zoo: Zoo) -> None:
    zoo.pip(f"animal @ {zoo.index.add(zoo.wheel())}")
    zoo.index_urls.clear()
    zoo.options["download"] = True


@case(
    "the same with a hash of other bytes, and with --download", "hash-conflict", "ask its publisher"
)
def _(zoo: Zoo) -> None:
    wheel = zoo.wheel()
    zoo.pip(f"animal @ {zoo.index.add(wheel)}")
    claim = zoo.info("direct_url.json")
    claim.write_text(claim.read_text().replace(sha256(wheel), "0" * 64))
    zoo.index_urls.clear()
    zoo.options["download"] = True


@case("a wheel by URL, by pip (with its hash), that the index lists", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.pip(f"animal @ {zoo.index.add(zoo.wheel())}")


@case("a wheel by a URL with a query, that the index lists without", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.pip(f"animal @ {zoo.index.add(zoo.wheel())}?version=1")


@case("a wheel by a URL with a query, that no index lists", "query-needed", "--download")
def _(zoo: Zoo) -> None:
    zoo.pip(f"animal @ {zoo.index.add(zoo.wheel())}?version=1")
    zoo.index_urls.clear()


@case("a wheel by URL that is gone", "gone", "removed or moved")
def _(zoo: Zoo) -> None:
    zoo.pip(f"animal @ {zoo.index.add(zoo.wheel())}")
    zoo.index.remove("animal-1.0-py3-none-any.whl")


@case("a wheel by URL, by uv (without a hash), that the index lists", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.uv(f"animal @ {zoo.index.add(zoo.wheel())}")


@case("a wheel by URL, by uv (without a hash), that no index lists", "hash-missing", "--download")
def _(zoo: Zoo) -> None:
    zoo.uv(f"animal @ {zoo.index.add(zoo.wheel())}")
    zoo.index_urls.clear()


@case("the same with --download", "locked by download")
def _(zoo: Zoo) -> None:
    zoo.uv(f"animal @ {zoo.index.add(zoo.wheel())}")
    zoo.index_urls.clear()
    zoo.options["download"] = True


@case("a wheel by URL whose hash the index contradicts", "hash-conflict", "ask its publisher")
def _(zoo: Zoo) -> None:
    wheel = zoo.wheel()
    zoo.pip(f"animal @ {zoo.index.add(wheel)}")
    claim = zoo.info("direct_url.json")
    claim.write_text(claim.read_text().replace(sha256(wheel), "0" * 64))


# -- changed after it was installed


@case("a file edited, same size, with --check-files hash", "files-changed", AGAIN)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    _edit(zoo.folder / "animal.py", b"#", same_size=True)
    zoo.options["check_files"] = "hash"


@case("a file edited, same size, by default", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    _edit(zoo.folder / "animal.py", b"#", same_size=True)


@case("a file edited, other size", "files-changed", AGAIN)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    _edit(zoo.folder / "animal.py", b"# more\n", same_size=False)


@case("METADATA edited, same size", "files-changed", AGAIN)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    metadata = zoo.info("METADATA")
    metadata.write_text(metadata.read_text().replace("A wheel", "A whale"))


@case("a file deleted", "files-changed", AGAIN)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    (zoo.folder / "animal.py").unlink()


@case("a file added, and listed in RECORD", "files-changed", AGAIN)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    (zoo.folder / "more.py").write_text("")
    with zoo.info("RECORD").open("a", newline="") as record:
        record.write("more.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\r\n")


@case(
    "two .dist-info folders of one name",
    "duplicate",
    "Remove the folder of the version that you do not want",
)
def _(zoo: Zoo) -> None:
    zoo.installer(zoo.wheel(), zoo.wheel(version="2.0", files={}))


@case(
    "pip install --target --upgrade, which leaves the .dist-info of before",
    "duplicate",
    "animal-1.0.dist-info",
)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    zoo.wheel(version="2.0", files={"animal.py": "# the second\n"})
    zoo.pip("animal==2.0", flags=("--upgrade",))


@case(
    "a file that another distribution has overwritten",
    "files-changed",
    "uninstall insect or animal",
)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    zoo.wheel("insect", files={"animal.py": "# six legs\n"})
    zoo.pip("insect", flags=("--upgrade",))


@case("a file edited whose row has no size", "files-changed", AGAIN)
def _(zoo: Zoo) -> None:
    zoo.wheel(record=lambda rows: [(path, hash_, "") for path, hash_, _ in rows])
    zoo.pip("animal")
    _edit(zoo.folder / "animal.py", b"#", same_size=True)


@case("a module of bytecode alone, deleted", "files-changed", AGAIN)
def _(zoo: Zoo) -> None:
    zoo.wheel(files={"animal.py": "x = 1\n", "only.pyc": "code"})
    zoo.pip("animal")
    (zoo.folder / "only.pyc").unlink()


@case("a file added, and listed in RECORD under the name of a script", "files-changed", AGAIN)
def _(zoo: Zoo) -> None:
    zoo.wheel(entry_points={"roar": "animal:x"})
    zoo.pip("animal")
    (zoo.folder / "scripts").mkdir()
    (zoo.folder / "scripts" / "roar.py").write_text("")
    with zoo.info("RECORD").open("a", newline="") as record:
        record.write("scripts/roar.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\r\n")


@case("a ~nimal leftover beside it", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    (zoo.folder / "~nimal-0.9.dist-info").mkdir()


# -- forged origins


@case("a wheel ships INDEX, naming an index that is not configured", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.wheel(dist_info_files={"INDEX": "http://127.0.0.1:1/simple\n"})
    zoo.pip("animal")


def _forged(zoo: Zoo, name: str, content: str) -> None:
    """A wheel that ships a file about its origin, at the very URL that the file names."""
    zoo.wheel(
        dist_info_files={
            name: content.replace("URL", zoo.index.file_url("animal-1.0-py3-none-any.whl"))
        }
    )
    zoo.pip("animal")


@case("a wheel ships direct_url.json", "forged-claim", "Do not trust this wheel")
def _(zoo: Zoo) -> None:
    _forged(zoo, "direct_url.json", '{"url": "URL", "archive_info": {}}')


@case("a wheel ships provenance_url.json", "forged-claim", "Do not trust this wheel")
def _(zoo: Zoo) -> None:
    _forged(zoo, "provenance_url.json", '{"url": "URL", "archive_info": {"hashes": {}}}')


@case("a wheel ships PYODIDE_URL", "forged-claim", "Do not trust this wheel")
def _(zoo: Zoo) -> None:
    _forged(zoo, "PYODIDE_URL", "URL")


@case("a wheel ships PYODIDE_SOURCE", "forged-claim", "Do not trust this wheel")
def _(zoo: Zoo) -> None:
    _forged(zoo, "PYODIDE_SOURCE", "URL")


@case("a wheel ships direct_url.json that names another wheel", "content-mismatch", FROM_WHEEL)
def _(zoo: Zoo) -> None:
    other = zoo.another_index()
    honest = build_wheel(zoo.place / "other", "animal", "1.0", files={"animal.py": "# honest\n"})
    claim = {"url": other.add(honest), "archive_info": {"hashes": {"sha256": sha256(honest)}}}
    zoo.wheel(dist_info_files={"direct_url.json": json.dumps(claim)})
    zoo.pip("animal")


def _twin(zoo: Zoo, path: str, content: str, **parts: Any) -> None:
    """A wheel that ships a file about its origin, which names a wheel without that file, and the
    hash of a third.
    """
    other = zoo.another_index()
    zoo.index_urls.remove(other.url)
    third = build_wheel(zoo.place / "third", "animal", "1.0", files={"animal.py": "# evil\n"})
    url = other.add(build_wheel(zoo.place / "twin", "animal", "1.0"))
    content = content.replace("URL", url).replace("SHA256", sha256(third))
    if path.startswith("purelib/"):
        zoo.wheel(data={path: content}, **parts)
    else:
        zoo.wheel(dist_info_files={path: content}, **parts)
    zoo.pip("animal")


_ARCHIVE = '{"url": "URL", "archive_info": {"hashes": {"sha256": "SHA256"}}}'


@case(
    "a wheel ships direct_url.json that names a twin, and another hash",
    "forged-claim",
    "Do not trust this wheel",
)
def _(zoo: Zoo) -> None:
    _twin(zoo, "direct_url.json", _ARCHIVE)


@case(
    "a wheel ships provenance_url.json that names a twin, and another hash",
    "forged-claim",
    "Do not trust",
)
def _(zoo: Zoo) -> None:
    _twin(zoo, "provenance_url.json", _ARCHIVE)


@case("a wheel ships PYODIDE_URL that names a twin", "forged-claim", "Do not trust this wheel")
def _(zoo: Zoo) -> None:
    _twin(zoo, "PYODIDE_URL", "URL")


@case(
    "a wheel ships direct_url.json below .data/purelib", "forged-claim", "Do not trust this wheel"
)
def _(zoo: Zoo) -> None:
    _twin(zoo, "purelib/animal-1.0.dist-info/direct_url.json", _ARCHIVE)


@case(
    "a wheel ships the direct_url.json of another distribution",
    "forged-claim",
    "Do not trust insect",
)
def _(zoo: Zoo) -> None:
    animal = zoo.wheel()
    claim = _ARCHIVE.replace("URL", zoo.index.file_url(animal.name)).replace("SHA256", "0" * 64)
    insect = zoo.wheel("insect", data={"purelib/animal-1.0.dist-info/direct_url.json": claim})
    zoo.installer(animal, insect)


@case("one URL with two hashes, on two indexes", "hash-conflict", "ask its publisher")
def _(zoo: Zoo) -> None:
    wheel = zoo.wheel()
    zoo.pip("animal")
    other = zoo.another_index()
    other.add(wheel)
    other.overrides = {
        wheel.name: {"url": zoo.index.file_url(wheel.name), "hashes": {"sha256": "ab" * 32}}
    }


@case("a wheel ships uv_build.json", "sdist", FROM_WHEEL)
def _(zoo: Zoo) -> None:
    _forged(zoo, "uv_build.json", "{}")


# -- odd wheels


@case("a RECORD that lies about its bytes", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.wheel(
        record=lambda rows: (
            [(path, "sha256=" + "b" * 43, size) for path, _, size in rows[:1]] + rows[1:]
        )
    )
    zoo.pip("animal")


@case(
    "a RECORD that lies about its bytes, with --check-files hash", "wheel-record-wrong", PUBLISHER
)
def _(zoo: Zoo) -> None:
    zoo.wheel(
        record=lambda rows: (
            [(path, "sha256=" + "b" * 43, size) for path, _, size in rows[:1]] + rows[1:]
        )
    )
    zoo.pip("animal")
    zoo.options["check_files"] = "hash"


@case("the same with --download", "locked by download")
def _(zoo: Zoo) -> None:
    zoo.wheel(
        record=lambda rows: (
            [(path, "sha256=" + "b" * 43, size) for path, _, size in rows[:1]] + rows[1:]
        )
    )
    zoo.pip("animal")
    zoo.options.update(check_files="hash", download=True)


@case("a RECORD that lies about a size", "wheel-record-wrong", PUBLISHER)
def _(zoo: Zoo) -> None:
    zoo.wheel(record=wrong_size)
    zoo.pip("animal")


@case("the same with --download", "locked by download")
def _(zoo: Zoo) -> None:
    zoo.wheel(record=wrong_size)
    zoo.pip("animal")
    zoo.options["download"] = True


@case(
    "a RECORD that lies about its bytes, by python -m installer, which hashes anew",
    "wheel-record-wrong",
    PUBLISHER,
)
def _(zoo: Zoo) -> None:
    zoo.installer(
        zoo.wheel(
            record=lambda rows: (
                [(path, "sha256=" + "b" * 43, size) for path, _, size in rows[:1]] + rows[1:]
            )
        )
    )


@case("WHEEL rewritten after RECORD was made", "wheel-record-wrong", PUBLISHER)
def _(zoo: Zoo) -> None:
    zoo.wheel(record=_other_wheel_row)
    zoo.pip("animal")


@case("the same with --download", "locked by download")
def _(zoo: Zoo) -> None:
    zoo.wheel(record=_other_wheel_row)
    zoo.pip("animal")
    zoo.options["download"] = True


def _other_wheel_row(rows: list[Row]) -> list[Row]:
    return [
        (path, "sha256=" + "b" * 43, "99") if path.endswith("/WHEEL") else (path, h, s)
        for path, h, s in rows
    ]


@case("rows of RECORD without a file: of folders, of files, with a leading slash", LOCKED)
def _(zoo: Zoo) -> None:
    digest = "sha256=" + "b" * 43
    zoo.wheel(
        files={"animal/__init__.py": ""},
        record=lambda rows: [
            ("animal/", digest, "0"),
            ("gone.py", digest, "7"),
            ("/animal/x.py", digest, "7"),
            *rows,
        ],
    )
    zoo.pip("animal")


@case("a file that RECORD of the wheel lacks, by pip", "weak-record", "--download")
def _(zoo: Zoo) -> None:
    zoo.wheel(record=lambda rows: rows[1:])
    zoo.pip("animal")


@case("the same with --download", "locked by download")
def _(zoo: Zoo) -> None:
    zoo.wheel(record=lambda rows: rows[1:])
    zoo.pip("animal")
    zoo.options["download"] = True


@case("a file that RECORD of the wheel lacks, by uv", "weak-record", "--download")
def _(zoo: Zoo) -> None:
    zoo.wheel(record=lambda rows: rows[1:])
    zoo.uv("animal")


@case("a requirement in METADATA that is none", "broken-metadata", PUBLISHER.lower())
def _(zoo: Zoo) -> None:
    metadata = "Metadata-Version: 2.1\nName: animal\nVersion: 1.0\nRequires-Dist: food (>dev)\n"
    zoo.installer(zoo.wheel(dist_info_files={"METADATA": metadata}))


@case("a description in METADATA that is not UTF-8", LOCKED)
def _(zoo: Zoo) -> None:
    metadata = (
        b"Metadata-Version: 2.1\nName: animal\nVersion: 1.0\nAuthor: J\xe9r\xf4me\n\ntr\xe8s beau\n"
    )
    zoo.installer(zoo.wheel(dist_info_files={"METADATA": metadata}))


@case("a row of RECORD without a hash", "weak-record", "--download")
def _(zoo: Zoo) -> None:
    zoo.wheel(record=lambda rows: [(path, "", "") for path, _, _ in rows[:1]] + rows[1:])
    zoo.pip("animal")


@case("the same with --download", "locked by download")
def _(zoo: Zoo) -> None:
    zoo.wheel(record=lambda rows: [(path, "", "") for path, _, _ in rows[:1]] + rows[1:])
    zoo.pip("animal")
    zoo.options["download"] = True


@case("modules in .data/purelib, which pip spreads", f"{LOCKED}, warns layout")
def _(zoo: Zoo) -> None:
    zoo.wheel(
        files={},
        data={
            "purelib/animal.py": "x = 1\n",
            "scripts/roar": "#!python\n",
            "data/share/fur": "soft",
        },
    )
    zoo.pip("animal")


@case("WHEEL tags that differ from the file name", LOCKED)
def _(zoo: Zoo) -> None:
    wheel = zoo.wheel(listed=False, tag="py2.py3-none-any")
    zoo.index.add(wheel.rename(wheel.with_name("animal-1.0-py3-none-any.whl")))
    zoo.pip("animal")


@case("WHEEL tags narrower than the file name", LOCKED)
def _(zoo: Zoo) -> None:
    wheel = zoo.wheel(listed=False, tag="cp39-cp39-manylinux1_x86_64")
    zoo.index.add(wheel.rename(wheel.with_name("animal-1.0-py3-none-any.whl")))
    zoo.pip("animal")


@case("a page whose core-metadata hash is wrong", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    zoo.index.overrides = {"animal-1.0-py3-none-any.whl": {"core-metadata": {"sha256": "0" * 64}}}


@case("METADATA without the local part of the file name's version", LOCKED)
def _(zoo: Zoo) -> None:
    # pip refuses such a wheel; other installers do not look.
    metadata = "Metadata-Version: 2.1\nName: animal\nVersion: 1.0\n"
    zoo.installer(zoo.wheel(version="1.0+zoo", dist_info_files={"METADATA": metadata}))


@case("a wheel for another ABI", "wrong-platform", "Install the wheel for Pyodide")
def _(zoo: Zoo) -> None:
    zoo.installer(zoo.wheel(tag="cp313-cp313-pyodide_2025_0_wasm32"))


@case("a wheel for this ABI", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.installer(zoo.wheel(tag=NATIVE))


# -- base and index at one version


@case("the index's bytes of a package that the base has at the same version", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    local = build_wheel(zoo.place / "dist", "animal", "1.0", files={"animal.py": "# the base's\n"})
    zoo.base.append(entry("animal", sha256=sha256(local)))
    zoo.options["base_dir"] = local.parent


@case("the base's bytes of a package that the index has at the same version", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.wheel(files={"animal.py": "# the index's\n"})
    local = build_wheel(zoo.place / "dist", "animal", "1.0", files={"animal.py": "# the base's\n"})
    zoo.base.append(entry("animal", sha256=sha256(local)))
    zoo.options["base_dir"] = local.parent
    zoo.installer(local)


# -- several indexes


@case("one version on two indexes with different contents", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal")
    zoo.another_index().add(
        build_wheel(zoo.place / "other", "animal", "1.0", files={"animal.py": "# other\n"})
    )


@case("two zips of one RECORD on two indexes", "ambiguous-index", "Name one index only")
def _(zoo: Zoo) -> None:
    wheel = zoo.wheel()
    zoo.pip("animal")
    zoo.another_index().add(repack(wheel, zoo.place / "other"))


@case("the same with --download", "locked by download")
def _(zoo: Zoo) -> None:
    wheel = zoo.wheel()
    zoo.pip("animal")
    zoo.another_index().add(repack(wheel, zoo.place / "other"))
    zoo.options["download"] = True


# -- archives that two readers read in two ways


@case(
    "a wheel whose archive has two names for one file (a Unicode Path field)",
    "content-mismatch",
    PUBLISHER,
)
def _(zoo: Zoo) -> None:
    wheel = zoo.wheel()
    zoo.pip("animal")
    zoo.index.add(with_unicode_path(wheel, zoo.place / "other", "animal.py", "other.py"))


@case("a wheel with names that differ in case", "content-mismatch", PUBLISHER)
def _(zoo: Zoo) -> None:
    zoo.wheel(files={"animal.py": "", "animals/cat.py": "", "animals/Cat.py": "x = 1\n"})
    zoo.pip("animal")


# -- other installers


@case("conda installed it", "foreign-installer", "It has to come from a wheel")
def _(zoo: Zoo) -> None:
    zoo.installer(zoo.wheel())
    zoo.info("INSTALLER").write_text("conda\n")
    zoo.info("direct_url.json").write_text('{"dir_info": {}, "url": "file:///croot/animal_1/work"}')


@case("no INSTALLER (python -m installer)", LOCKED)
def _(zoo: Zoo) -> None:
    zoo.installer(zoo.wheel())
    assert not zoo.info("INSTALLER").exists()


def _installed_by(zoo: Zoo, name: str) -> None:
    zoo.installer(zoo.wheel())
    zoo.info("INSTALLER").write_text(name)


@case("INSTALLER is poetry's", LOCKED)
def _(zoo: Zoo) -> None:
    _installed_by(zoo, "Poetry 2.2.0")


@case("INSTALLER is pdm's", LOCKED)
def _(zoo: Zoo) -> None:
    _installed_by(zoo, "pdm")


@case("an .egg-info folder", "legacy-metadata", AGAIN)
def _(zoo: Zoo) -> None:
    (zoo.folder / "animal-1.0-py3.14.egg-info").mkdir(parents=True)


# -- dependencies


@case("a dependency is missing", "missing-dependency", "'food>=2' (with the --platform")
def _(zoo: Zoo) -> None:
    zoo.wheel(requires=["food>=2"])
    zoo.pip("animal", flags=("--no-deps",))


@case(
    "a dependency is there at an excluded version",
    "conflicting-dependency",
    "'food>=2' (with the --platform",
)
def _(zoo: Zoo) -> None:
    zoo.wheel(requires=["food>=2"])
    zoo.wheel("food")
    zoo.pip("animal", "food", flags=("--no-deps",))


@case("a yanked version", "locked by content, warns yanked", "another version")
def _(zoo: Zoo) -> None:
    zoo.wheel()
    zoo.pip("animal==1.0")
    zoo.index.yanked = {"animal==1.0": "bites"}


_EXTRA = {"animal": ["food"], "food": []}


def _with_extra(zoo: Zoo) -> None:
    zoo.wheel(extras={"hungry": ["food"]})
    zoo.wheel("food")


@case("an extra that the user names (--requested)", LOCKED, depends=_EXTRA)
def _(zoo: Zoo) -> None:
    _with_extra(zoo)
    zoo.uv("animal", "food")
    zoo.options["requested"] = ["animal[hungry]"]


@case("an extra that another package asks for", LOCKED, depends={**_EXTRA, "keeper": ["animal"]})
def _(zoo: Zoo) -> None:
    _with_extra(zoo)
    zoo.wheel("keeper", requires=["animal[hungry]"])
    zoo.pip("keeper")


@case("an extra that pip's report names (--report)", LOCKED, depends=_EXTRA)
def _(zoo: Zoo) -> None:
    _with_extra(zoo)
    zoo.pip("animal[hungry]", flags=("--report", str(zoo.place / "report.json")))
    zoo.options["report"] = zoo.place / "report.json"


@case("an extra that micropip wrote down (PYODIDE_REQUIRES)", LOCKED, depends=_EXTRA)
def _(zoo: Zoo) -> None:
    _with_extra(zoo)
    zoo.uv("animal", "food")
    zoo.info("PYODIDE_REQUIRES").write_text('["food"]')


@case(
    "an extra that nothing names",
    "locked by content, warns extra-guessed",
    "--requested",
    depends=_EXTRA,
)
def _(zoo: Zoo) -> None:
    _with_extra(zoo)
    zoo.uv("animal[hungry]")


@case("a self-referencing extra", LOCKED, depends=_EXTRA)
def _(zoo: Zoo) -> None:
    zoo.wheel(extras={"all": ["animal[hungry]"], "hungry": ["food"]})
    zoo.wheel("food")
    zoo.pip("animal[all]")
    zoo.options["requested"] = ["animal[all]"]


@case(
    "a dependency cycle of two",
    "locked by content, warns cycle",
    "Load animal",
    depends={"animal": ["food"], "food": []},
)
def _(zoo: Zoo) -> None:
    zoo.wheel(requires=["food"])
    zoo.wheel("food", requires=["animal"])
    zoo.pip("animal")


@case(
    "a dependency cycle of five",
    "locked by content, warns cycle",
    "Load c3",
    depends={
        "c1": [],
        "c2": [],
        "c3": ["c1", "c2", "c4", "c5"],
        "c4": [],
        "c5": [],
        "outside": ["c3"],
    },
)
def _(zoo: Zoo) -> None:
    for number in range(1, 6):
        zoo.wheel(f"c{number}", requires=[f"c{number % 5 + 1}"])
    zoo.wheel("outside", requires=["c3"])
    zoo.pip("outside")
