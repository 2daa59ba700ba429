"""The METADATA and the modules of the wheels that a resolution considers."""

from __future__ import annotations

from dataclasses import replace

from ..._util.url import shown
from ...errors import FetchError, IntegrityError, MicropipLockError, Problem, UnlockableError
from ...formats.core_metadata import CoreMetadata
from ...formats.project_page import IndexFile, single_file_page
from ...formats.wheel import WheelDescription
from ...index.remote_wheel import NoRangesError
from ...index.wheel_metadata import BrokenMetadataError, Publications
from .project import Choice, ChoiceKey, Project, fits_python, needs_python
from .project_pages import ProjectPages
from .state import ResolutionState

_OTHER_WHEEL = "Ask for another version, or tell its authors."


class WheelReader:
    """Adds METADATA to ``state``, or why it cannot be used. Each wheel is read once."""

    def __init__(
        self, state: ResolutionState, publications: Publications, pages: ProjectPages
    ) -> None:
        self.publications = publications
        self.warnings: list[Problem] = []
        self._state = state
        self._pages = pages
        #: None while it is being read.
        self._summaries: dict[ChoiceKey, WheelDescription | MicropipLockError | None] = {}

    def summary(self, choice: Choice) -> WheelDescription | MicropipLockError:
        """What `read_summary` has read of the wheel, or the error that it met."""
        found = self._summaries[choice.key]
        assert found is not None  # no other task is still reading it
        return found

    async def read_summary(self, choice: Choice) -> None:
        """Read the modules of a wheel and the errors of its RECORD."""
        if choice.key in self._summaries:
            return
        self._summaries[choice.key] = None
        assert choice.file is not None
        try:
            self._summaries[choice.key] = await self.publications.summary(choice.file, choice.name)
        except NoRangesError:
            self._summaries[choice.key] = no_ranges(choice, "list of files")
        except (FetchError, IntegrityError) as error:
            self._summaries[choice.key] = error

    async def read_metadata(self, choice: Choice) -> None:
        """Read the METADATA of a choice; reject a choice whose METADATA cannot be used."""
        try:
            if choice.entry is not None:
                await self._read_base(choice)
            else:
                await self._read_wheel(choice, choice.file)
        except BrokenMetadataError as error:
            self._reject(choice, "metadata", f"its METADATA cannot be used: {error}")
        except NoRangesError:
            self._state.errors[choice.key] = no_ranges(choice, "METADATA")
        except (FetchError, IntegrityError) as error:
            self._state.errors[choice.key] = error

    async def _read_wheel(self, choice: Choice, file: IndexFile | None) -> None:
        assert file is not None
        found = await self.publications.metadata(file, choice.name)
        if not fits_python(found.requires_python, self._state.target):
            self._reject(choice, "python", needs_python(found.requires_python))
            return
        self._add_metadata(choice, found)

    def _add_metadata(self, choice: Choice, found: CoreMetadata) -> None:
        try:
            for requirement in found.requires:
                self._state.markers.holds(requirement)
        except ValueError as error:
            raise BrokenMetadataError(str(error)) from error
        self._state.metadata[choice.key] = found

    async def _read_base(self, choice: Choice) -> None:
        """Read the requirements of a base package's extras from its wheel, or an index's wheel."""
        assert choice.entry is not None
        wheel = self._state.base.wheel(choice.name, choice.entry.version)
        failed: FetchError | NoRangesError | None = None
        if wheel is not None:
            file = _as_file(wheel.url, choice, wheel.entry.sha256)
            try:
                found = await self.publications.metadata(file, choice.name)
            except (FetchError, NoRangesError) as error:
                failed = error
            else:
                self._add_metadata(choice, found)
                return
        listing = await self._pages.read(choice.name)
        project = Project(choice.name, self._state.target, None, listing)
        other = project.judge(choice.version, pinned=True)
        if not isinstance(other, Choice):
            raise failed or _unknown_extras(choice)
        await self._read_wheel(choice, other.file)
        self.warnings.append(_extra_guessed(choice.name, choice.entry.version))

    def _reject(self, choice: Choice, kind: str, reason: str) -> None:
        project = self._state.projects.get(choice.name)
        if choice.direct and kind == "python":
            self._state.reject_direct(choice, reason)
        elif choice.direct or choice.entry is not None or project is None:
            self._state.errors[choice.key] = _broken_metadata(choice, reason)
        else:
            project.reject(choice, "python" if kind == "python" else "metadata", reason)


def _as_file(url: str, choice: Choice, sha256: str) -> IndexFile:
    """The file at ``url`` as an index would list it."""
    page = single_file_page(url)
    for version, part in page.versions(choice.name).items():
        for file in part.files(choice.name, {version}):
            return replace(file, sha256=sha256 or None)
    return IndexFile(page.filenames[0], url, choice.version, "wheel", sha256=sha256 or None)


def no_ranges(choice: Choice, what: str) -> UnlockableError:
    """That ``what`` of a wheel would take a download."""
    url = shown(choice.file.url) if choice.file else None
    return UnlockableError(
        [
            Problem(
                "no-ranges",
                choice.name,
                str(choice.version),
                f"the {what} of {url or choice.shown} takes a whole download: the server knows no "
                "ranges.",
                "Use an index with sidecars or range requests, or tell its owner.",
                url,
            )
        ]
    )


def _broken_metadata(choice: Choice, reason: str) -> UnlockableError:
    wheel = shown(choice.file.url) if choice.file else "the base's wheel"
    return UnlockableError(
        [
            Problem(
                "broken-metadata",
                choice.name,
                str(choice.version),
                f"{wheel}: {reason}.",
                _OTHER_WHEEL,
            )
        ]
    )


def _unknown_extras(choice: Choice) -> FetchError:
    return FetchError(
        f"What the extras of {choice.shown} need cannot be found out: the place of the "
        "base's wheel is unknown, and no index has that version. Pass base_url= "
        "(--base-url) or base_dir= (--base-dir).",
        url="",
    )


def _extra_guessed(name: str, version: str) -> Problem:
    return Problem(
        "extra-guessed",
        name,
        version,
        "what its extras need was read from the index's wheel, since the base's own "
        "cannot be read.",
        "Pass base_dir= (--base-dir), a folder with the base's wheels, to be sure.",
    )
