"""A wheel, unpacked as it would be installed, into a folder of its own."""

from __future__ import annotations

import configparser
import csv
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from ..errors import InputError, IntegrityError
from ..installed import one_blank
from ..record import WRITTEN_BY_INSTALLERS
from ._swap import is_environment


def unpack(wheel: Path, target: Path, site: PurePosixPath, interpreter: str, metadata: Mapping[str, bytes]) -> None:
    """Unpack ``wheel`` into ``target``, which is laid out like an environment whose site-packages is ``site``.

    ``interpreter`` goes into the first line of scripts; ``metadata`` are files to add to its
    .dist-info. Raises `IntegrityError`, and `InputError` when it cannot be written.
    """
    try:
        from installer import install
        from installer.destinations import SchemeDictionaryDestination
        from installer.exceptions import InstallerError
        from installer.records import InvalidRecordEntry
        from installer.sources import WheelContentElement, WheelFile
    except ModuleNotFoundError as error:
        message = f'sync needs {error.name}, which is not installed: pip install "micropip-lock[host]"'
        raise InputError(message) from error
    packages = str(target / site)
    scheme = {"purelib": packages, "platlib": packages, "scripts": str(target / "bin"), "data": str(target)}
    # As pip has them: a venv's own folder, or plainly below the target.
    own = ("site", site.parts[1]) if len(site.parts) > 1 else ()
    scheme["headers"] = str(target.joinpath("include", *own, wheel.name.partition("-")[0]))

    class Source(WheelFile):
        """Without what installers write: of that a wheel's own copy claims something that nobody has seen."""

        def read_dist_info(self, filename: str) -> str:
            text: str = super().read_dist_info(filename)
            return one_blank(text) if filename == "entry_points.txt" else text

        def get_contents(self) -> Iterator[WheelContentElement]:
            prefix = f"{self.dist_info_dir}/"
            for element in super().get_contents():
                name = element[0][0].removeprefix(prefix)
                if name == "RECORD" or element[0][0] == name or not WRITTEN_BY_INSTALLERS.fullmatch(name):
                    yield element

    destination = SchemeDictionaryDestination(scheme, interpreter=interpreter, script_kind="posix")
    wrong = (
        InstallerError,
        InvalidRecordEntry,
        configparser.Error,
        csv.Error,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
    )
    try:
        with Source.open(wheel) as source, warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # it leaves out what a wheel has in __pycache__
            install(source, destination, dict(metadata))
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
            raise IntegrityError(f"two of its files would be in one place ({error})") from error
        raise InputError(f"Cannot write {target}: {error.strerror or error}.") from error
    except (*wrong, ValueError, KeyError, AssertionError, AttributeError, RuntimeError) as error:
        raise IntegrityError(f"it cannot be unpacked ({error})") from error
    for place, _, names in os.walk(target):
        for name in names:
            path = (Path(place) / name).relative_to(target).as_posix()
            if is_environment(path):
                raise IntegrityError(f"it would replace {path}, which belongs to the environment")
