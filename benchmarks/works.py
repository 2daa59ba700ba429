"""The works and who competes in them: every command line stands here."""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from .floors import Floor, depth_of, exactly_pinned
from .inputs import Inputs, all_of, same_pins
from .measure import Contestant, Scratch

_HERE = Path(__file__).parent
#: Lines: milliseconds a request, megabytes a second. The first is the main one.
MAIN, FAST, SLOW = "40/4", "10/50", "150/1"


@dataclass(frozen=True)
class Work:
    """One table.

    group: what it is asked for by on the command line. line: milliseconds and megabytes a second.
    settings: what else the link server is told. warm: with the caches of a run before. runs: at
    most so many.
    """

    key: str
    group: str
    title: str
    contestants: Callable[[Inputs], Sequence[Contestant]]
    floor: Callable[[Inputs], Floor] | None = None
    line: str = MAIN
    settings: tuple[tuple[str, float | bool], ...] = ()
    warm: bool = False
    runs: int = 99


# -- command lines


def _ours(inputs: Inputs, *arguments: str | Path) -> Callable[[Scratch], list[str]]:
    def command(scratch: Scratch) -> list[str]:
        words = [
            inputs.tools / "micropip-lock",
            *arguments,
            "--quiet",
            "--cache-dir",
            scratch.cache,
        ]
        return [os.fspath(word).replace("OUT", str(scratch.out)) for word in words]

    return command


def _pip(
    inputs: Inputs, *arguments: str | Path, tool: str = "pip"
) -> Callable[[Scratch], list[str]]:
    def command(scratch: Scratch) -> list[str]:
        words = [inputs.tools / "python", _HERE / "as_pyodide.py", tool, *arguments, "--quiet"]
        # pip caches nothing that comes over plain HTTP, unless the host is trusted.
        words += [
            "--index-url",
            inputs.link.url,
            "--trusted-host",
            "127.0.0.1",
            "--cache-dir",
            scratch.cache,
        ]
        return [os.fspath(word).replace("OUT", str(scratch.out)) for word in words]

    return command


def _uv(
    inputs: Inputs, *arguments: str | Path, python: Path | None = None
) -> Callable[[Scratch], list[str]]:
    def command(scratch: Scratch) -> list[str]:
        words = [
            inputs.tools / "uv",
            "pip",
            *arguments,
            "--quiet",
            "--python",
            python or inputs.uv_python,
        ]
        words += [
            "--no-python-downloads",
            "--cache-dir",
            scratch.cache,
            "--default-index",
            inputs.link.url,
        ]
        return [os.fspath(word).replace("OUT", str(scratch.out)) for word in words]

    return command


def _compile(inputs: Inputs, asked: Path, *flags: str) -> Callable[[Scratch], list[str]]:
    quiet = ("--no-header", "--no-annotate", "--no-build", "--output-file", "OUT/pins.txt")
    return _uv(inputs, "compile", asked, *flags, *quiet)


# -- is the answer right?


def _has_hashes(inputs: Inputs, name: str) -> Callable[[Path, str], str]:
    return lambda out, said: all_of(inputs.hashes, (out / name).read_text(), "the hashes")


def _has_pins(inputs: Inputs, name: str) -> Callable[[Path, str], str]:
    return lambda out, said: same_pins(inputs.pins, (out / name).read_text())


def _names_all(inputs: Inputs) -> Callable[[Path, str], str]:
    def wrong(out: Path, said: str) -> str:
        names = {canonicalize_name(line.partition("==")[0]) for line in said.splitlines()}
        return (
            ""
            if names >= inputs.pins.keys()
            else f"{len(inputs.pins.keys() - names)} are not listed"
        )

    return wrong


def _has_wheels(inputs: Inputs) -> Callable[[Path, str], str]:
    def wrong(out: Path, said: str) -> str:
        sizes = {path.name: path.stat().st_size for path in out.rglob("*.whl")}
        missing = [
            wheel.name
            for wheel in inputs.wheels.values()
            if sizes.get(wheel.name) != wheel.stat().st_size
        ]
        return f"{len(missing)} wheels are missing" if missing else ""

    return wrong


def _installed(inputs: Inputs, pattern: str) -> Callable[[Path, str], str]:
    def wrong(out: Path, said: str) -> str:
        most = (
            len(inputs.pins)
            if "site-packages" not in pattern
            else len(inputs.pure.read_text().splitlines())
        )
        found = len(list(out.glob(pattern)))
        return "" if found >= most else f"{found} of {most} are installed"

    return wrong


# -- freeze


def _freezers(inputs: Inputs) -> Iterator[Contestant]:
    freeze = (
        "freeze",
        "--path",
        inputs.site,
        "--base",
        inputs.base,
        "--index-url",
        inputs.link.url,
        "-o",
        "OUT/lock.json",
    )
    pins = inputs.index / "pins.txt"
    yield Contestant(
        "micropip-lock freeze",
        _ours(inputs, *freeze),
        _has_hashes(inputs, "lock.json"),
        ours=True,
        note="proof by content",
    )
    yield Contestant(
        "uv pip compile --no-deps",
        _compile(inputs, pins, "--no-deps"),
        _has_pins(inputs, "pins.txt"),
        keep="interpreter",
        note="no hashes, nothing proved",
    )
    yield Contestant(
        "uv pip compile --no-deps --generate-hashes",
        _compile(inputs, pins, "--no-deps", "--generate-hashes"),
        _has_hashes(inputs, "pins.txt"),
        keep="interpreter",
        note="hashes of every file of the pins, nothing proved",
    )


def _slow_freezers(inputs: Inputs) -> Iterator[Contestant]:
    pins = inputs.index / "pins.txt"
    flags = ("--no-deps", "--only-binary=:all:", "-r", pins)
    yield Contestant(
        "uv pip compile --generate-hashes",
        _compile(inputs, pins, "--generate-hashes"),
        _has_hashes(inputs, "pins.txt"),
        keep="interpreter",
        note="and whether the pins go together",
    )
    yield Contestant(
        "pip install --dry-run --no-deps --report",
        _pip(
            inputs,
            "install",
            "--dry-run",
            "--ignore-installed",
            "--report",
            "OUT/report.json",
            *flags,
        ),
        _has_hashes(inputs, "report.json"),
        note="as if in Pyodide",
    )
    yield Contestant(
        "pip lock --no-deps",
        _pip(inputs, "lock", "--output", "OUT/pylock.toml", *flags),
        _has_hashes(inputs, "pylock.toml"),
        note="as if in Pyodide",
    )
    yield Contestant(
        "every wheel downloaded again",
        lambda scratch: [
            str(inputs.tools / "python"),
            str(_HERE / "peer_download.py"),
            str(inputs.site),
            inputs.link.url,
            str(scratch.out / "hashes.json"),
        ],
        _has_hashes(inputs, "hashes.json"),
        note="the idea of micropip's pull request 109, outside of Pyodide",
        runs=1,
    )
    yield Contestant(
        "pyodide-lock UvPipCompile",
        lambda scratch: [
            str(inputs.tools / "python"),
            str(_HERE / "peer_uv_pip_compile.py"),
            str(inputs.index / "requirements.txt"),
            str(inputs.empty_base),
            str(scratch.out / "lock.json"),
            str(inputs.uv_python),
            str(scratch.cache),
            inputs.link.url,
        ],
        _has_hashes(inputs, "lock.json"),
        keep="interpreter",
        note="resolves too; patched to run at all",
        runs=1,
    )
    yield Contestant(
        "micropip.install and micropip.freeze",
        lambda scratch: [
            sys.executable,
            "-m",
            "benchmarks.peer_micropip",
            str(inputs.index / "pins.txt"),
            inputs.link.url,
            str(scratch.out / "lock.json"),
        ],
        _has_hashes(inputs, "lock.json"),
        note="in Node, with its start",
        remark=_steps,
        runs=1,
        environment={"PYTHONPATH": str(_HERE.parent)},
    )


def _steps(out: Path) -> str:
    """How long micropip took for each step."""
    said = json.loads((out / "lock.json").read_bytes())
    return f"install {said['install']:.1f} s, freeze {said['freeze']:.2f} s"


def _both_freezers(inputs: Inputs) -> list[Contestant]:
    return [*_freezers(inputs), *_slow_freezers(inputs)]


def _quick_freezers(inputs: Inputs) -> list[Contestant]:
    return list(_freezers(inputs))


def _freeze_floor(kind: str, inputs: Inputs) -> Floor:
    sizes = inputs.sizes
    documents = {"releases": "documents of a release", "pages": "project pages"}[kind]
    return Floor(
        2 * len(inputs.pins), sizes[kind] + sizes["proofs"], 2, f"{documents}, and the proof"
    )


_floor_with_releases = functools.partial(_freeze_floor, "releases")
_floor_with_pages = functools.partial(_freeze_floor, "pages")


def _refreezers(inputs: Inputs) -> list[Contestant]:
    frozen = next(one for one in _freezers(inputs) if one.ours)
    frozen.note = "nothing changed since"

    def plain(*words: str | Path) -> Callable[[Scratch], list[str]]:
        return lambda scratch: [os.fspath(word) for word in words]

    pip, site = (inputs.tools / "python", "-m", "pip"), inputs.site
    none = "no hashes, nothing proved"
    return [
        frozen,
        Contestant(
            "pip freeze", plain(*pip, "freeze", "--path", site), _names_all(inputs), note=none
        ),
        Contestant("pip inspect", plain(*pip, "inspect", "--path", site), note=none),
        Contestant(
            "uv pip freeze",
            lambda scratch: [
                str(inputs.tools / "uv"),
                *(
                    "pip",
                    "freeze",
                    "--path",
                    str(site),
                    "--python",
                    str(inputs.uv_python),
                    "--cache-dir",
                    str(scratch.cache),
                ),
            ],
            _names_all(inputs),
            note=none,
        ),
    ]


# -- resolve


def _resolvers(inputs: Inputs) -> list[Contestant]:
    asked = inputs.index / "requirements.txt"
    resolve = (
        "resolve",
        "-r",
        asked,
        "--base",
        inputs.empty_base,
        "--index-url",
        inputs.link.url,
        "-o",
        "OUT/lock.json",
    )
    binary = "--only-binary=:all:"
    return [
        Contestant(
            "micropip-lock resolve",
            _ours(inputs, *resolve),
            _has_hashes(inputs, "lock.json"),
            ours=True,
        ),
        Contestant(
            "uv pip compile",
            _compile(inputs, asked, "--generate-hashes"),
            _has_hashes(inputs, "pins.txt"),
            keep="interpreter",
        ),
        Contestant(
            "pip install --dry-run --report",
            _pip(
                inputs,
                "install",
                "--dry-run",
                "--ignore-installed",
                "--report",
                "OUT/report.json",
                binary,
                "-r",
                asked,
            ),
            _has_hashes(inputs, "report.json"),
            note="as if in Pyodide",
        ),
        Contestant(
            "pip-compile",
            _pip(
                inputs,
                "--output-file",
                "OUT/pins.txt",
                "--strip-extras",
                "--pip-args",
                binary,
                asked,
                tool="pip-compile",
            ),
            _has_pins(inputs, "pins.txt"),
            note="as if in Pyodide; no hashes",
        ),
    ]


def _resolve_floor(inputs: Inputs) -> Floor:
    sizes = inputs.sizes
    asked = (inputs.index / "requirements.txt").read_text().split()
    roots = {str(canonicalize_name(line.partition("[")[0])) for line in asked}
    depth = 2 * depth_of(inputs.lock, roots)
    unread = exactly_pinned(inputs.sidecars.values())
    pages = sum(size for name, size in inputs.pages.items() if name not in unread)
    return Floor(
        2 * len(inputs.pins), pages + sizes["sidecars"], depth, "project pages and sidecars"
    )


# -- bundle and sync


def _bundlers(inputs: Inputs) -> list[Contestant]:
    hashed = ("--no-deps", "--require-hashes", "-r", inputs.hashed)
    wheels = _has_wheels(inputs)
    return [
        Contestant(
            "micropip-lock bundle",
            _ours(inputs, "bundle", inputs.lock, "OUT/site"),
            wheels,
            ours=True,
        ),
        Contestant(
            "uv pip install --target",
            _uv(inputs, "install", "--target", "OUT/site", "--no-build", *hashed),
            _installed(inputs, "site/*.dist-info"),
            keep="interpreter",
            note="asks for the pages, unpacks",
        ),
        Contestant(
            "curl --parallel",
            lambda scratch: [
                *(
                    shutil.which("curl") or "curl",
                    "--silent",
                    "--fail",
                    "--parallel",
                    "--parallel-max",
                    "50",
                ),
                *("--output-dir", str(scratch.out), "--config", str(inputs.curl)),
            ],
            wheels,
            note="compares no hashes",
        ),
        Contestant(
            "pip download",
            _pip(inputs, "download", "--dest", "OUT/site", "--only-binary=:all:", *hashed),
            wheels,
            note="as if in Pyodide; asks for the pages",
            runs=1,
        ),
    ]


def _bundle_floor(inputs: Inputs) -> Floor:
    return Floor(len(inputs.pins), inputs.sizes["wheels"], 1, "the wheels")


def _syncers(inputs: Inputs) -> list[Contestant]:
    def plain_venv(out: Path) -> None:
        shutil.copytree(inputs.plain_venv, out / "venv", symlinks=True)

    return [
        Contestant(
            "micropip-lock sync",
            _ours(inputs, "sync", inputs.lock, "--path", "OUT/site"),
            _installed(inputs, "site/*.dist-info"),
            ours=True,
            prepare=lambda out: (out / "site").mkdir(),
        ),
        Contestant(
            "uv pip sync --target",
            _uv(
                inputs,
                "sync",
                "--target",
                "OUT/site",
                "--no-build",
                "--require-hashes",
                inputs.hashed,
            ),
            _installed(inputs, "site/*.dist-info"),
            keep="interpreter",
            note="asks for the pages",
        ),
        Contestant(
            "pip-sync",
            lambda scratch: [
                *(
                    str(inputs.tools / "pip-sync"),
                    "--quiet",
                    "--index-url",
                    inputs.link.url,
                    "--trusted-host",
                    "127.0.0.1",
                ),
                *("--python-executable", str(scratch.out / "venv" / "bin" / "python")),
                *(
                    "--pip-args",
                    f"--no-deps --ignore-requires-python --no-compile --cache-dir {scratch.cache}",
                ),
                str(inputs.pure),
            ],
            _installed(inputs, "venv/lib/*/site-packages/*.dist-info"),
            prepare=plain_venv,
            note="the pure ones alone, into an environment of this machine",
            runs=1,
        ),
    ]


WORKS = (
    Work(
        "freeze-releases",
        "freeze",
        "freeze, cold, on an index that has a document of each release",
        _quick_freezers,
        _floor_with_releases,
    ),
    Work(
        "freeze-pages",
        "freeze",
        "freeze, cold, on an index that has project pages only",
        _both_freezers,
        _floor_with_pages,
        settings=(("releases", False),),
    ),
    Work(
        "freeze-connect",
        "freeze",
        "freeze, cold, pages only, where a connection costs 80 ms to set up",
        _quick_freezers,
        _floor_with_pages,
        settings=(("releases", False), ("connect", 0.08)),
    ),
    Work(
        "freeze-fast",
        "freeze",
        "freeze, cold, pages only, over a fast line",
        _quick_freezers,
        _floor_with_pages,
        line=FAST,
        settings=(("releases", False),),
    ),
    Work(
        "freeze-slow",
        "freeze",
        "freeze, cold, pages only, over a slow line",
        _quick_freezers,
        _floor_with_pages,
        line=SLOW,
        settings=(("releases", False),),
        runs=3,
    ),
    Work("refreeze", "refreeze", "freeze again, nothing changed", _refreezers, warm=True),
    Work("resolve", "resolve", "resolve, cold", _resolvers, _resolve_floor),
    Work("resolve-warm", "resolve", "resolve, warm", _resolvers, warm=True),
    Work("bundle", "bundle", "bundle, cold", _bundlers, _bundle_floor),
    Work(
        "bundle-fast",
        "bundle",
        "bundle, cold, over a fast line",
        _bundlers,
        _bundle_floor,
        line=FAST,
    ),
    Work(
        "sync",
        "sync",
        "sync into an empty environment, cold, over a fast line",
        _syncers,
        _bundle_floor,
        line=FAST,
        runs=3,
    ),
)
