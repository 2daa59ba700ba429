"""A wheel, unpacked as it would be installed, into a folder of its own."""

from __future__ import annotations

import configparser
import csv
import os
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ...errors import InputError, IntegrityError
from ...formats.zip_member import WholeArchive


def unpack(
    wheel: Path, target: Path, site: PurePosixPath, interpreter: str, metadata: Mapping[str, bytes]
) -> None:
    """Unpack ``wheel`` into ``target``, which is laid out like an environment whose site-packages
    is ``site``.

    ``interpreter`` goes into the first line of scripts; ``metadata`` are files to add to its
    .dist-info. Raises `IntegrityError`, and `InputError` when it cannot be written.
    """
    try:
        from installer import install
        from installer.exceptions import InstallerError
        from installer.records import InvalidRecordEntry

        from .installer_adapters import Destination, Source
    except ModuleNotFoundError as error:
        message = (
            f'sync needs {error.name}, which is not installed: pip install "micropip-lock[host]"'
        )
        raise InputError(message) from error
    target = Path(os.path.abspath(target))  # noqa: PTH100  # pathlib keeps «..»
    packages, scripts = (target / site).as_posix(), (target / "bin").as_posix()
    scheme = {
        "purelib": packages,
        "platlib": packages,
        "scripts": scripts,
        "data": target.as_posix(),
    }
    # As pip has them: a venv's own folder, or plainly below the target.
    own = ("site", site.parts[1]) if len(site.parts) > 1 else ()
    scheme["headers"] = target.joinpath("include", *own, wheel.name.partition("-")[0]).as_posix()

    destination = Destination(scheme, interpreter, target)
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
        with wheel.open("rb") as file, zipfile.ZipFile(file) as archive, warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", RuntimeWarning
            )  # it leaves out what a wheel has in __pycache__
            whole = WholeArchive(file, wheel.stat().st_size)
            install(Source(whole, archive), destination, dict(metadata))
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
            raise IntegrityError(f"two of its files would be in one place ({error})") from error
        raise InputError(f"Cannot write {target}: {error.strerror or error}.") from error
    except (*wrong, ValueError, KeyError, AssertionError, AttributeError, RuntimeError) as error:
        raise IntegrityError(f"it cannot be unpacked ({error})") from error
    if destination.refused is not None:
        raise IntegrityError(
            f"it would replace {destination.refused}, which belongs to the environment"
        )
