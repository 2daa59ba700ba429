"""Whatever a wheel holds and whoever installs it: freeze proves it, and one changed byte is caught.

hypothesis draws distributions of every shape that wheels have; they are built as real wheels.
`installer` runs in this process, so its examples come one by one and shrink when they fail. pip and
uv take seconds for a call, so the very same strategy gives them batches. Every property counts its
examples, which are distributions: 300 by installer, and 150 each by pip and by uv.

The draws are derandomized: a failure comes back in the next run, on every machine.
"""

from __future__ import annotations

import compileall
import random
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from micropip_lock import FreezeResult, Problem, UnlockableError

from ...support import random_distributions as rd
from ...support.freezing import freeze_folder
from ...support.index_server import IndexServer
from ...support.installed import installer_target, pip_target, uv_target
from ...support.memory_index import MemoryIndex
from ...support.random_distributions import Change, Distribution, build_all, changes, distributions
from ...support.wheels import sha256

#: Distributions for each property: so many by installer, and so many by pip and by uv together.
EXAMPLES = 300
BATCH = 75

#: What a changed file is told as: METADATA may be unreadable then, and a CRC-32 is another one.
CHANGED = {"files-changed", "broken-metadata", "content-mismatch"}
#: What another wheel is told as: one that lacks a file does not hold all that is installed.
OTHER = {"content-mismatch", "files-changed"}

_SETTINGS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def for_all(
    strategy: st.SearchStrategy[Any],
    holds: Callable[[Any], None],
    *,
    examples: int = EXAMPLES,
    **changed: Any,
) -> None:
    """Check ``holds`` for examples of the strategy, and count them."""
    counted = 0

    def check(example: Any) -> None:
        nonlocal counted
        holds(example)
        counted += 1

    settings(_SETTINGS, max_examples=examples, **changed)(given(strategy)(check))()
    assert counted >= examples


# -- installer: one distribution at a time


@dataclass
class Installed:
    """Distributions in a folder, their wheels, and an index that has these."""

    folder: Path
    wheels: Sequence[Path]
    index: MemoryIndex

    def problems(self, **options: Any) -> dict[str, set[str]]:
        """Name -> codes; none: it can be frozen, and then every entry is proved by content."""
        try:
            result = self.index.freeze(self.folder, **options)
        except UnlockableError as error:
            return codes(error.problems)
        assert_proved(result, self.wheels, self.index.file_url)
        return {}


@contextmanager
def by_installer(item: Distribution) -> Iterator[Installed]:
    """Install with `installer`, in this process."""
    with tempfile.TemporaryDirectory(prefix="random-") as temporary:
        wheels = build_all(Path(temporary) / "wheels", [item])
        with warnings.catch_warnings():
            # It does not install __pycache__, and says so.
            warnings.simplefilter("ignore", RuntimeWarning)
            folder = installer_target(Path(temporary) / "site", *wheels)
        yield Installed(folder, wheels, MemoryIndex(wheels=wheels))


#: How a member is changed, whether RECORD tells of it, and the level that catches it.
MEMBER_CHANGES = {
    "RECORD rewritten": (("flip", *rd.RESIZING), True, "size"),
    "RECORD kept, other size": (rd.RESIZING, False, "size"),
    "RECORD kept, CRC-32": (("flip",), False, "hash"),
}


def test_installer() -> None:
    def holds(drawn: tuple[Distribution, Change, list[Change]]) -> None:
        item, byte_change, member_changes = drawn
        with by_installer(item) as installed:
            (wheel,) = installed.wheels
            assert installed.problems() == {}
            # Bytecode comes with the first import, even over what the wheel has of it.
            compile_all(installed.folder)
            assert installed.problems(check_files="hash") == {}
            with rd.changed_file(installed.folder, wheel, byte_change) as path:
                assert missed(installed.problems(check_files="hash"), {wheel: path}, CHANGED) == []
            for change, (_, rewrite_record, check_files) in zip(
                member_changes, MEMBER_CHANGES.values(), strict=True
            ):
                there = installed.folder.parent / change.kind
                what = rd.change_wheel(wheel, change, rewrite_record=rewrite_record, folder=there)
                installed.index.add(there / wheel.name)
                assert (
                    missed(installed.problems(check_files=check_files), {wheel: what}, OTHER) == []
                )

    kinds = [kinds for kinds, _, _ in MEMBER_CHANGES.values()]
    for_all(
        st.tuples(distributions(), changes("flip"), st.tuples(*(changes(*each) for each in kinds))),
        holds,
    )


# -- pip and uv: batches


Batch = tuple[IndexServer, list[Path]]


@pytest.fixture(scope="module")
def published() -> Iterator[list[Batch]]:
    """Indexes on loopback, each with a batch of distributions."""
    drawn: list[Distribution] = []
    for_all(distributions(), drawn.append, examples=EXAMPLES // 2, phases=[Phase.generate])
    with ExitStack() as stack:
        indexes = [stack.enter_context(IndexServer()) for _ in range(0, EXAMPLES // 2, BATCH)]
        yield [
            (index, build_all(index.folder, drawn[number * BATCH :][:BATCH]))
            for number, index in enumerate(indexes)
        ]


@pytest.fixture(scope="module", params=[pip_target, uv_target], ids=["pip", "uv"])
def folders(
    request: pytest.FixtureRequest, published: list[Batch], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Folders that pip or uv filled, one for each batch."""
    found = []
    for index, wheels in published:
        folder = tmp_path_factory.mktemp("site")
        pins = ["{}=={}".format(*wheel.name.split("-")[:2]) for wheel in wheels]
        # pip lists the bytecode that it writes in RECORD.
        flags = ["--compile"] if request.param is pip_target else []
        request.param(folder, *pins, index_url=index.url, flags=flags)
        compile_all(folder)
        found.append(folder)
    return found


def for_each_batch(
    folders: Sequence[Path],
    published: Sequence[Batch],
    holds: Callable[[Path, IndexServer, list[Path]], None],
) -> None:
    """Check ``holds`` for each batch, and count its distributions."""
    counted = 0
    for folder, (index, wheels) in zip(folders, published, strict=True):
        holds(folder, index, wheels)
        counted += len(wheels)
    assert counted >= EXAMPLES // 2  # and as many by the other one


def test_what_pip_and_uv_install_is_proved(folders: list[Path], published: list[Batch]) -> None:
    def holds(folder: Path, index: IndexServer, wheels: list[Path]) -> None:
        assert_proved(freeze_folder(folder, index_urls=index.url), wheels, index.file_url)
        assert (
            Installed(folder, wheels, MemoryIndex(wheels=wheels)).problems(check_files="hash") == {}
        )

    for_each_batch(folders, published, holds)


def test_one_changed_byte_after_pip_and_uv_is_caught(
    folders: list[Path], published: list[Batch]
) -> None:
    dice = random.Random(1)

    def holds(folder: Path, index: IndexServer, wheels: list[Path]) -> None:
        installed = Installed(folder, wheels, MemoryIndex(wheels=wheels))
        with ExitStack() as stack:
            changed = {
                wheel: stack.enter_context(rd.changed_file(folder, wheel, roll(dice, "flip")))
                for wheel in wheels
            }
            problems = installed.problems(check_files="hash")
        assert missed(problems, changed, CHANGED) == []

    for_each_batch(folders, published, holds)


@pytest.mark.parametrize("how", MEMBER_CHANGES)
def test_one_changed_member_is_caught_after_pip_and_uv(
    how: str, folders: list[Path], published: list[Batch], tmp_path: Path
) -> None:
    dice = random.Random(1)
    kinds, rewrite_record, check_files = MEMBER_CHANGES[how]

    def holds(folder: Path, index: IndexServer, wheels: list[Path]) -> None:
        changed = {
            wheel: rd.change_wheel(
                wheel,
                roll(dice, *kinds),
                rewrite_record=rewrite_record,
                folder=tmp_path,
                installed=folder,
            )
            for wheel in wheels
        }
        there = MemoryIndex(wheels=[tmp_path / wheel.name for wheel in wheels])
        problems = Installed(folder, wheels, there).problems(check_files=check_files)
        assert missed(problems, changed, OTHER) == []

    for_each_batch(folders, published, holds)


# -- what they share


def codes(problems: Iterable[Problem]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for problem in problems:
        found[problem.package].add(problem.code)
    return found


def key_of(wheel: Path) -> str:
    return canonicalize_name(wheel.name.partition("-")[0])


def missed(
    problems: Mapping[str, set[str]], changed: Mapping[Path, str], expected: set[str]
) -> list[str]:
    """What of ``changed`` (wheel -> what was done to it) no problem of an ``expected`` code tells
    of.
    """
    found = {wheel: problems.get(key_of(wheel), set()) for wheel in changed}
    return [
        f"{wheel.name}: {what}, {found[wheel]}"
        for wheel, what in changed.items()
        if not found[wheel] & expected
    ]


def assert_proved(
    result: FreezeResult, wheels: Sequence[Path], url_of: Callable[[str], str]
) -> None:
    """Every distribution is proved by content, and its entry names the very wheel."""
    assert {item.package: (item.proof, item.url, item.sha256) for item in result.evidence} == {
        key_of(wheel): ("content", url_of(wheel.name), sha256(wheel)) for wheel in wheels
    }


def compile_all(folder: Path) -> None:
    """What importing everything would leave behind."""
    compileall.compile_dir(folder, quiet=2, maxlevels=20)


def roll(dice: random.Random, *kinds: str) -> Change:
    """One change, for the batches that are no examples of hypothesis."""
    return Change(
        dice.choice(kinds), dice.randrange(1000), dice.randrange(100_000), dice.randrange(1, 256)
    )
