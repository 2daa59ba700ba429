"""A JupyterLite site on disk: the settings of its Pyodide kernel, its runtime and its wheels.

Settings: https://jupyterlite-pyodide-kernel.readthedocs.io. In the browser the settings of an app's
own file replace those of the site's key by key, so a file that has one of our keys has to get them,
too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._util.files import write_output
from ..._util.reading import read_bytes
from ..._util.url import is_http, shown
from ...errors import InputError
from ...formats.json_values import describe, expected, parse_json
from ...formats.lockfile import LOCK_NAME

KERNEL = "@jupyterlite/pyodide-kernel-extension"
FOLDER = "static/micropip-lock"
LOCK_URL = f"./{FOLDER}/{LOCK_NAME}"

_PLUGIN = f"{KERNEL}:kernel"
_OPTIONS, _LOCK_URL, _PACKAGES, _FALLBACK = (
    "loadPyodideOptions",
    "lockFileURL",
    "packages",
    "disablePyPIFallback",
)
#: Options that would make the runtime read another lock, or look for our relative names elsewhere.
_RIVALS = ("lockFileContents", "packageBaseUrl", "indexURL")
_RUNTIME = "pyodideUrl"
_LOCAL_RUNTIME = "static/pyodide"
_LITE_JSON, _LITE_NOTEBOOK = "jupyter-lite.json", "jupyter-lite.ipynb"

Settings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """The kernel's settings: URL of the lock, packages to load at its start, indexes or none."""

    lock_url: str
    packages: tuple[str, ...]
    bundled: bool


@dataclass(frozen=True, slots=True)
class Configuration:
    """One jupyter-lite.json or jupyter-lite.ipynb of the output.

    ``origin`` is the file that its owner wrote, if it exists.
    """

    path: Path
    origin: Path

    def settings(self) -> Settings:
        """The kernel's settings in it."""
        return _settings(self._document(self.path), self.path)

    def original(self) -> Settings:
        """The kernel's settings as their owner wrote them."""
        return _settings(self._document(self.origin), self.origin) if self.origin.is_file() else {}

    def write(self, settings: Settings) -> bool:
        """Replace the kernel's settings; whether that changed anything."""
        document = self._document(self.path)
        if settings == _settings(document, self.path):
            return False
        data = _configuration(document).setdefault("jupyter-config-data", {})
        data.setdefault("litePluginSettings", {})[_PLUGIN] = settings
        # As JupyterLite writes it, so that a rebuild finds no difference.
        write_output(self.path, json.dumps(document, sort_keys=True, indent=2).encode())
        return True

    def _document(self, path: Path) -> dict[str, Any]:
        document = parse_json(read_bytes(path), str(path))
        if not isinstance(document, dict) or not isinstance(_configuration(document), dict):
            raise InputError(
                f"{path} is no configuration of JupyterLite: found {describe(document)}. Correct "
                "it."
            )
        return document


def _configuration(document: dict[str, Any]) -> Any:
    metadata = document.get("metadata")
    if "metadata" not in document:
        return document
    return metadata.setdefault("jupyter-lite", {}) if isinstance(metadata, dict) else metadata


def _settings(document: dict[str, Any], path: Path) -> Settings:
    found: Any = _configuration(document)
    for key in ("jupyter-config-data", "litePluginSettings", _PLUGIN):
        found = found.get(key, {})
        if not isinstance(found, dict):
            raise InputError(f"{path}: {key}: {expected('an object', found)}. Correct it.")
    options = found.get(_OPTIONS, {})
    if not isinstance(options, dict) or not isinstance(options.get(_PACKAGES, []), list):
        raise InputError(
            f"{path}: {_OPTIONS}: {expected('an object with an array of packages', options)}. "
            "Correct it."
        )
    return dict(found)


@dataclass(frozen=True, slots=True)
class Site:
    """A site that JupyterLite has built into ``output`` from ``source``.

    ``local_runtime``: it is configured to bring its own Pyodide, in static/pyodide.
    """

    output: Path
    source: Path
    local_runtime: bool = False

    @property
    def folder(self) -> Path:
        """Where the lock and its wheels go."""
        return self.output / FOLDER

    @property
    def lock(self) -> Path:
        """The lock that the kernel reads."""
        return self.folder / LOCK_NAME

    @property
    def root(self) -> Configuration:
        """The configuration of the whole site."""
        return self._configuration(self.output / _LITE_JSON)

    def configurations(self) -> Iterator[Configuration]:
        """Every configuration that there is, the site's first."""
        yield self.root
        below = [
            path
            for name in (_LITE_JSON, _LITE_NOTEBOOK)
            for path in sorted(self.output.glob(f"*/{name}"))
        ]
        for path in (self.output / _LITE_NOTEBOOK, *below):
            if path.is_file():
                yield self._configuration(path)

    def _configuration(self, path: Path) -> Configuration:
        return Configuration(path, self.source / path.relative_to(self.output))

    # -- settings

    def own_packages(self) -> list[str]:
        """The packages that the site's owner wants loaded at the start; a URL needs no lock."""
        found: dict[str, None] = {}
        for item in self.configurations():
            settings = item.settings()
            options = _reverted(settings, item.original()).get(_OPTIONS, {})
            found.update(
                dict.fromkeys(name for name in options.get(_PACKAGES, ()) if isinstance(name, str))
            )
        return [name for name in found if "/" not in name and not name.endswith(".whl")]

    def piplite_is_elsewhere(self) -> bool:
        """Whether the kernel is configured to take piplite from a URL of its owner's choice."""
        return any(item.settings().get("pipliteWheelUrl") for item in self.configurations())

    def check_settings(self) -> None:
        """Refuse settings that no lock can go together with. Raises `InputError`."""
        first, *others = self.configurations()
        for item in (first, *others):
            rivals = [key for key in _RIVALS if key in item.settings().get(_OPTIONS, {})]
            if rivals:
                raise InputError(
                    f"{item.path}: {_OPTIONS} has {', '.join(rivals)}, with which the kernel would "
                    "not read the lock that micropip-lock puts into the site. Remove it from "
                    f"{item.origin}."
                )
        for item in others:
            if _RUNTIME in item.settings():
                raise InputError(
                    f"{item.path} has a {_RUNTIME} of its own, but one lock is for one Pyodide. "
                    f"Move it from {item.origin} to {first.origin}."
                )

    def choose(self, choice: Choice | None) -> list[Path]:
        """Set the kernel's settings, or (None) revert them; returns the changed files."""
        changed = []
        for number, item in enumerate(self.configurations()):
            before = item.settings()
            settings = _reverted(before, item.original())
            if number == 0 and self.local_runtime and choice is not None:
                # JupyterLite itself leaves this out of a file that it wrote anew, when Pyodide has
                # not changed.
                settings[_RUNTIME] = f"./{_LOCAL_RUNTIME}/pyodide.mjs"
            if choice is not None:
                if number == 0 or _OPTIONS in settings:
                    options = dict(settings.get(_OPTIONS, {}))
                    packages = list(options.get(_PACKAGES, []))
                    packages += [name for name in choice.packages if name not in packages]
                    settings[_OPTIONS] = {
                        **options,
                        _LOCK_URL: choice.lock_url,
                        _PACKAGES: packages,
                    }
                if choice.bundled and (number == 0 or _FALLBACK in settings):
                    settings[_FALLBACK] = True
            if item.write(settings):
                changed.append(item.path)
        return changed

    def chosen(self) -> Sequence[tuple[Configuration, Settings]]:
        """The configurations that name our lock."""
        found = [(item, item.settings()) for item in self.configurations()]
        return [(item, settings) for item, settings in found if _is_ours(settings)]

    # -- what lies in the site

    def runtime_lock(self) -> Path | str:
        """The lock of the Pyodide that the site loads: a file of the site, or a URL.

        Raises `InputError`.
        """
        url = self.root.settings().get(_RUNTIME)
        if self.local_runtime:
            return self.output / _LOCAL_RUNTIME / LOCK_NAME
        if url is None:
            url = self._default_runtime()
        if not isinstance(url, str):
            raise InputError(
                f"{self.root.path}: {_RUNTIME}: {expected('a text', url)}. Correct it."
            )
        if is_http(url):
            return url.partition("?")[0].rpartition("/")[0] + f"/{LOCK_NAME}"
        place = (self.output / url.removeprefix("./").partition("?")[0]).parent
        if url.startswith("./") and place.resolve().is_relative_to(self.output.resolve()):
            return place / LOCK_NAME
        raise InputError(
            f"Which Pyodide is at {shown(url)}, the {_RUNTIME} of {self.root.path}? The build "
            "cannot see it. Say it with --MicropipLockAddon.base=VERSION (or the file or URL of "
            "its pyodide-lock.json), or build with --pyodide."
        )

    def _default_runtime(self) -> object:
        schema = self._extension / "static" / "schema" / "kernel.v0.schema.json"
        try:
            return parse_json(read_bytes(schema), str(schema))["properties"][_RUNTIME]["default"]
        except (InputError, LookupError, TypeError):
            raise InputError(
                f"Nothing says which Pyodide the site loads: {self.root.path} has no {_RUNTIME}, "
                f"and {schema} no default. Say it with --MicropipLockAddon.base=VERSION, or build "
                "with --pyodide."
            ) from None

    @property
    def _extension(self) -> Path:
        return self.output / "extensions" / KERNEL

    def kernel_wheels(self) -> list[Path]:
        """The wheels that the kernel's extension brings.

        Raises `InputError` when the site has no such kernel.
        """
        found = _wheels_of(self._extension / "package.json")
        if not found:
            raise InputError(
                f"The site has no Pyodide kernel ({self._extension} is missing or incomplete). "
                "Install it where the site is built: pip install jupyterlite-pyodide-kernel."
            )
        return found

    def other_wheels(self) -> list[Path]:
        """The wheels that the site's owner (``--piplite-wheels``) or other extensions bring."""
        extensions = self.output / "extensions"
        packages = [
            *sorted(extensions.glob("*/package.json")),
            *sorted(extensions.glob("@*/*/package.json")),
        ]
        foreign = [item for item in packages if item.parent != self._extension]
        others = [wheel for item in foreign for wheel in _wheels_of(item)]
        return [*sorted((self.output / "pypi").glob("*.whl")), *others]

    def has(self, path: Path) -> bool:
        """Whether a file lies in the site."""
        return path.is_file() and path.resolve().is_relative_to(self.output.resolve())

    def name_of(self, path: Path) -> str:
        """A file of the site as our lock names it."""
        return Path(os.path.relpath(path.resolve(), self.folder.resolve())).as_posix()

    def check_writable(self) -> None:
        """Raises `InputError` when the lock cannot be put into the site."""
        place = self.folder
        while not os.path.lexists(place) and place != place.parent:
            place = place.parent
        what = ""
        if not place.is_dir():
            what = "is not a folder"
        elif not os.access(place, os.W_OK):
            what = "cannot be written"
        if what:
            raise InputError(
                f"The lock cannot be put into {self.folder}: {place} {what}. Remove it or make it "
                "writable, or build into another folder: --output-dir."
            )


def _wheels_of(package: Path) -> list[Path]:
    """The wheels that a federated extension brings, as its package.json says."""
    if not package.is_file():
        return []
    document = parse_json(read_bytes(package), str(package))
    piplite = document.get("piplite") if isinstance(document, Mapping) else None
    folder = piplite.get("wheelDir") if isinstance(piplite, Mapping) else None
    if not isinstance(folder, str):
        return []
    try:
        return [
            package.parent / folder / name
            for name in sorted(os.listdir(package.parent / folder))
            if name.endswith(".whl")
        ]
    except (OSError, ValueError):  # there is none, or it is not a name that a folder can have
        return []


def _is_ours(settings: Settings) -> bool:
    url = settings.get(_OPTIONS, {}).get(_LOCK_URL)
    return isinstance(url, str) and url.partition("?")[0] == LOCK_URL


def _reverted(settings: Settings, original: Settings) -> Settings:
    """The settings without those that an earlier build set for the kernel."""
    if not _is_ours(settings):
        return dict(settings)
    before = original.get(_OPTIONS, {})
    rest = {
        key: value for key, value in settings[_OPTIONS].items() if key not in (_LOCK_URL, _PACKAGES)
    }
    options = {**rest, **{key: before[key] for key in (_LOCK_URL, _PACKAGES) if key in before}}
    reverted = {key: value for key, value in settings.items() if key not in (_OPTIONS, _FALLBACK)}
    if options or _OPTIONS in original:
        reverted[_OPTIONS] = options
    if _FALLBACK in original:
        reverted[_FALLBACK] = original[_FALLBACK]
    return reverted
