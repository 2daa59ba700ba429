"""The running Pyodide as something to install into, by its own loader.

Written against Pyodide 0.27.7, 0.28.3, 0.29.5 and 314.0.7.
"""

from __future__ import annotations

import importlib
import io
import sys
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

from .loaded import listed, names_from_disk, own_site


class Runtime:
    """What the runtime has loaded, and how it loads more."""

    def __init__(self) -> None:
        import pyodide_js

        self._js: Any = pyodide_js
        #: The packages on the disk before it started, as long as no other was loaded in their
        #: place.
        self._from_disk: frozenset[str] | None = None

    @property
    def site(self) -> Path:
        """Its site-packages folder."""
        return own_site()

    @property
    def loaded(self) -> dict[str, tuple[str, str]]:
        """The name as the runtime spells it, and the channel, of what it has loaded, by canonical
        name.
        """
        return listed(self._js)

    def is_default(self, key: str) -> bool:
        """Whether the runtime loaded a package from its own lock.

        A package that was on disk before the runtime started was not loaded from its lock.
        """
        if self._from_disk is None:
            self._from_disk = names_from_disk(self._js)
        return key not in self._from_disk and self.loaded.get(key, ("", ""))[1] == "default channel"

    async def load(self, names: Collection[str]) -> None:
        """Load packages of the runtime's own lock, and what they depend on there.

        A failed download raises nothing: ask `loaded` afterwards.
        """
        from pyodide.ffi import to_js

        self._from_disk = None
        await self._js.loadPackage(to_js(list(names)))

    async def install(
        self, key: str, wheel: Path, url: str, dist_info: str, files: Mapping[str, bytes]
    ) -> None:
        """Unpack a wheel into site-packages, have its extension modules compiled, and add ``files``
        to its .dist-info.

        Raises OSError.
        """
        from pyodide.ffi import JsException

        try:
            await self._unpack(wheel)
        except JsException as error:
            raise OSError(None, f"the runtime cannot unpack it: {error}", wheel.name) from error
        for name, content in files.items():
            (self.site / dist_info / name).write_bytes(content)
        setattr(self._js.loadedPackages, key, url)

    async def _unpack(self, wheel: Path) -> None:
        data = wheel.read_bytes()
        api = self._js._api
        if hasattr(api, "install") and hasattr(api, "lockfile"):
            from pyodide.ffi import to_js

            await api.install(to_js(data), wheel.name, str(self.site), {})
        else:
            # 0.27 has the two halves apart.
            from pyodide._package_loader import get_dynlibs

            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(self.site)
            package = SimpleNamespace(
                file_name=wheel.name, package_type="package", shared_library=False
            )
            await api.loadDynlibsFromPackage(
                package, get_dynlibs(io.BytesIO(data), ".whl", self.site)
            )

    @contextmanager
    def forgetting(self, key: str) -> Iterator[None]:
        """Remove a package from the runtime's loadedPackages, unless the block raises."""
        name, channel = self.loaded.get(key, (None, ""))
        if name is not None:
            delattr(self._js.loadedPackages, name)
        try:
            yield
        except BaseException:
            if name is not None:
                setattr(self._js.loadedPackages, name, channel)
            raise
        finally:
            importlib.invalidate_caches()

    def imported(self, paths: Collection[str]) -> bool:
        """Whether a module of these files (relative to site-packages) is in memory."""
        names = {
            PurePosixPath(path).parts[0].partition(".")[0]
            for path in paths
            if not path.startswith(".")
        }
        return not names.isdisjoint(name.partition(".")[0] for name in sys.modules)
