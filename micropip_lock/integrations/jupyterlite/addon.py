"""The addon of JupyterLite: ``jupyter lite build --micropip-lock pyodide-lock.json
[--micropip-lock-bundle]``.

JupyterLite takes an addon whose constructor fails for a missing one, and its build succeeds without
it. So nothing is refused before the tasks run: trait values of the wrong type are kept, and the
first task reports them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

from doit.exceptions import TaskFailed
from jupyterlite_core.addons.base import BaseAddon
from traitlets import Bool, List, Unicode

from ...errors import InputError, MicropipLockError
from ...formats.json_values import expected
from ...operations.lock_source import local_lock
from .install import Order, look, put, take_back
from .site import Site

_PYODIDE_ADDON, _LOCK_ADDON = (
    "jupyterlite-pyodide-kernel-pyodide",
    "jupyterlite-pyodide-kernel-lock",
)


class _Text(Unicode[Any, Any]):
    def validate(self, obj: Any, value: Any) -> Any:
        return value


class _Switch(Bool[Any, Any]):
    def validate(self, obj: Any, value: Any) -> Any:
        return value


class _Names(List[Any]):
    def validate(self, obj: Any, value: Any) -> Any:
        return value

    def from_string(self, s: str) -> Any:
        """What a shell passes: names with commas between them."""
        return [name for name in s.replace(",", " ").split() if name]

    def from_string_list(self, s_list: list[str]) -> Any:
        return self.from_string(" ".join(s_list))


class MicropipLockAddon(BaseAddon):  # type: ignore[misc]  # it ships no types
    """Puts a frozen lock into the site, so that its kernel starts with exactly these packages."""

    __all__: ClassVar = ["check", "post_build", "pre_init", "status"]

    lock = _Text(
        None,
        allow_none=True,
        help="A frozen pyodide-lock.json, or its folder, relative to lite_dir or where you are",
    ).tag(config=True)
    bundle = _Switch(
        False, help="Put the wheels of the lock into the site, too, and ask no index"
    ).tag(config=True)
    base = _Text(
        None,
        allow_none=True,
        help=(
            "Which Pyodide the site loads, where pyodideUrl does not tell: a release, or its "
            "pyodide-lock.json"
        ),
    ).tag(config=True)
    preload = _Names(
        help="Packages of the lock to load when the kernel starts, not when they are imported"
    ).tag(config=True)

    aliases: ClassVar = {"micropip-lock": "MicropipLockAddon.lock"}
    flags: ClassVar = {
        "micropip-lock-bundle": (
            {"MicropipLockAddon": {"bundle": True}},
            "Put the wheels of --micropip-lock into the site, too, and ask no index",
        )
    }

    # -- tasks

    def status(self, manager: Any) -> Iterator[dict[str, Any]]:
        """Say what would be done."""
        if self.lock is not None:
            text = (
                f"    lock:    {self.lock}\n    bundle:  {self.bundle}\n    preload: {self.preload}"
            )
            yield self.task(name="lock", actions=[lambda: print(text)])

    def pre_init(self, manager: Any) -> Iterator[dict[str, Any]]:
        """Check the options before JupyterLite builds anything."""
        yield self.task(name="options", actions=[(self._attempt, [self._check_options])])

    def post_build(self, manager: Any) -> Iterator[dict[str, Any]]:
        """Put the lock into the site, or take that of an earlier build out of it.

        This runs every time, and finds out by itself what is done already: doit would compare file
        times, which ``--source-date-epoch`` makes all alike, and keeps its records when the output
        is removed.
        """
        if self.lock is not None:
            yield self.task(name="lock", actions=[(self._attempt, [self._put])])
        elif self._is_build:
            yield self.task(name="no-lock", actions=[(self._attempt, [self._take_back])])

    def check(self, manager: Any) -> Iterator[dict[str, Any]]:
        """Check whether the kernel can boot from the lock in the site."""
        yield self.task(name="lock", actions=[(self._attempt, [self._look])])

    # -- actions

    def _attempt(self, action: Callable[[], None]) -> TaskFailed | None:
        try:
            action()
        except MicropipLockError as error:
            return TaskFailed(f"micropip-lock: {error}")
        except OSError as error:
            return TaskFailed(
                f"micropip-lock: {error.filename or 'a file'}: {error.strerror or error}."
            )
        return None

    def _check_options(self) -> None:
        faults = [*self._unknown_options(), *self._wrong_values()]
        if not faults and self.bundle and self.lock is None:
            faults.append("--micropip-lock-bundle needs a lock: --micropip-lock FILE.")
        if not faults and self.lock is not None and self._is_enabled(_LOCK_ADDON):
            faults.append(
                "--pyodide-lock makes another lock, and the kernel reads only one. Leave out one "
                "of the two."
            )
        if faults:
            raise InputError(*faults)
        if self.lock is not None:
            self._check_lock(self._path(self.lock))
            self._site.check_writable()

    def _check_lock(self, path: Path) -> None:
        if not path.exists():
            raise InputError(
                f"The lock {path} does not exist. Freeze one (in a notebook, or with micropip-lock "
                "freeze), or correct --micropip-lock."
            )
        try:
            local_lock(path).strict()
        except InputError as error:
            raise InputError(
                f"{error} Freeze it again, or name another lock with --micropip-lock."
            ) from error

    def _unknown_options(self) -> Iterator[str]:
        own, known = type(self).__name__, self.trait_names(config=True)
        for name in self.config:
            if name != own and get_close_matches(name, [own], 1, 0.75):
                yield f"There is no {name} that has options. Did you mean {own}?"
        for name in self.config.get(own, {}):
            if name not in known:
                meant = get_close_matches(name, known, 1)
                hint = f"Did you mean {meant[0]}? " if meant else ""
                yield (
                    f"MicropipLockAddon has no option {name}. {hint}It has "
                    f"{', '.join(sorted(self._own_options()))}."
                )

    def _own_options(self) -> list[str]:
        return list(type(self).class_own_traits(config=True))

    def _wrong_values(self) -> Iterator[str]:
        wanted = {"lock": "the path of a pyodide-lock.json", "base": "a release, a path or a URL"}
        for name, what in wanted.items():
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                yield f"MicropipLockAddon.{name}: {expected(what, value)}."
        if not isinstance(self.bundle, bool):
            yield (f"MicropipLockAddon.bundle: {expected('true or false', self.bundle)}.")
        names = self.preload
        if not isinstance(names, list | tuple) or not all(
            isinstance(name, str) and name for name in names
        ):
            yield (f"MicropipLockAddon.preload: {expected('an array of package names', names)}.")

    def _put(self) -> None:
        self._check_options()
        order = Order(
            self._path(self.lock),
            self.bundle,
            self._base(),
            tuple(self.preload),
            prove=self._is_build,
        )
        outcome = put(self._site, order)
        for problem in outcome.advice:
            self.log.warning(f"[micropip-lock] {problem}")
        for path in outcome.changed:
            self.maybe_timestamp(path)
        count, changed = len(outcome.lockfile.packages), len(outcome.changed)
        self.log.info(
            f"[micropip-lock] {count} packages in the lock of the site; {outcome.downloaded} "
            f"downloaded to {'put them into it' if self.bundle else 'check them'}; "
            f"{changed or 'no'} files changed"
        )

    def _take_back(self) -> None:
        if (self.manager.output_dir / "jupyter-lite.json").is_file():
            for path in take_back(self._site):
                self.log.info(f"[micropip-lock] no lock any more: {path}")

    def _look(self) -> None:
        self._check_options()
        if look(self._site) is None and self.lock is not None:
            raise InputError(
                "The site has no lock yet. Build it: jupyter lite build --micropip-lock FILE."
            )

    # -- surroundings

    @property
    def _site(self) -> Site:
        pyodide = self.manager._addons.get(_PYODIDE_ADDON)
        local = pyodide is not None and (
            pyodide.well_known_pyodide.exists() or pyodide.pyodide_url is not None
        )
        return Site(Path(self.manager.output_dir), Path(self.manager.lite_dir), local)

    @property
    def _is_build(self) -> bool:
        # `jupyter lite serve` and its like run the tasks of a build, too, often without its
        # options.
        return getattr(self.manager.parent, "_doit_task", "build") == "build"

    def _is_enabled(self, addon: str) -> bool:
        return bool(getattr(self.manager._addons.get(addon), "enabled", False))

    def _path(self, text: str) -> Path:
        """A path as JupyterLite takes it, from lite_dir, or else as a shell means it."""
        path = Path(text).expanduser()
        below = Path(self.manager.lite_dir) / path
        return below if below.exists() or not path.exists() else path

    def _base(self) -> str | Path | None:
        if self.base is None:
            return None
        path = self._path(self.base)
        return path if path.exists() else str(self.base)
