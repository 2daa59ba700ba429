"""Many processes on one cache, and locks of thousands of packages: what they cost, and that nothing
breaks.

``python -m benchmarks.load [--quick]`` prints the tables of docs/load.md. Everything happens on
loopback and in a temporary folder, and the number of processes, packages and seconds is bounded.
Exit status 1: a result was wrong.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from packaging.requirements import Requirement

from tests.support.installed import clean_environment

from .load_inputs import NEW, OLD, LoadIndex, Package, base, install, packages, unnamed
from .processes import Outcome, run_all

#: Processes at once, and packages that they choose from: enough to have some in common and some
#: not.
PROCESSES, SHARED = 64, 60

#: Packages of the locks, smaller and larger, and the most that cost may grow from one to the other.
SIZES, MOST_GROWTH = (1000, 10_000), 12.0

#: Resolvers keep every step that they took, so what resolve and retarget are asked for stays
#: smaller.
RESOLVED = (100, 1000)

#: Seconds that a single command, or all processes of a round together, may take.
PATIENCE = 1800.0

COMMAND = (sys.executable, "-m", "micropip_lock")


class WrongError(Exception):
    """A result that is not what it has to be."""


# -- many processes on one cache


@dataclass(frozen=True, slots=True)
class Round:
    """Processes that ran at once."""

    name: str
    outcomes: Sequence[Outcome]
    requests: int

    def row(self) -> list[str]:
        """For the table: wall time of all, CPU time of all, the most memory of one, and
        requests.
        """
        cpu = [item.cpu for item in self.outcomes]
        wall, memory = (
            max(item.wall for item in self.outcomes),
            max(item.memory for item in self.outcomes),
        )
        cells = [
            self.name,
            len(self.outcomes),
            seconds(wall),
            seconds(sum(cpu)),
            seconds(statistics.median(cpu)),
        ]
        return [*map(str, cells), megabytes(memory), str(self.requests)]


class Crowd:
    """Environments of ten to twenty distributions, some of them equal, and processes that share a
    cache.
    """

    def __init__(self, root: Path, *, processes: int, shared: int = SHARED) -> None:
        self.root = root
        self.processes = processes
        self.cache = root / "cache" / "micropip-lock"
        self.index = LoadIndex(root / "files", packages(shared))
        self.environment = clean_environment(XDG_CACHE_HOME=str(root / "cache"), HOME=str(root))

    def prepare(self, kinds: int) -> None:
        """Fill a folder of each kind, and lock it alone, with a cache of its own."""
        (self.root / "base.json").write_text(json.dumps(base(NEW, self.index)))
        commands = []
        for kind, chosen in enumerate(_kinds(self.index.packages, kinds)):
            install(
                self.root / f"site-{kind}", [self.index.wheels[name] for name in chosen], chosen
            )
            alone = (
                "--cache-dir",
                str(self.root / f"alone-{kind}"),
                "-o",
                str(self.root / f"alone-{kind}.json"),
            )
            commands.append([*self._freeze(kind), *alone])
        for number in range(len(commands)):
            check_all(run_all(commands[number : number + 1], self.environment, PATIENCE))
        self.kinds = kinds

    def freeze(self, name: str) -> Round:
        """Freeze all at once, each kind as often."""
        return self._round(name, ["freeze"] * self.processes)

    def mixed(self, name: str) -> Round:
        """Freeze, resolve, bundle and prune at once, on an empty cache."""
        shutil.rmtree(self.cache, ignore_errors=True)
        works = ("freeze", "freeze", "resolve", "bundle", "freeze", "prune", "freeze", "freeze")
        return self._round(name, [works[number % len(works)] for number in range(self.processes)])

    def _round(self, name: str, works: Sequence[str]) -> Round:
        made = [self._command(number, work) for number, work in enumerate(works)]
        self.index.reset()
        outcomes = run_all([command for command, _ in made], self.environment, PATIENCE)
        check_all(outcomes)
        for number, (_, output) in enumerate(made):
            if output is not None:
                self._check_lock(number, works[number], output)
        self.check_cache()
        return Round(name, outcomes, self.index.count)

    def _command(self, number: int, work: str) -> tuple[list[str], Path | None]:
        """A command line, and the lock that it writes."""
        kind, output = number % self.kinds, self.root / f"out-{number}.json"
        alone = str(self.root / f"alone-{kind}.json")
        if work == "freeze":
            return [*self._freeze(kind), "-o", str(output)], output
        if work == "resolve":
            entries = json.loads(Path(alone).read_bytes())["packages"]
            pins = [f"{name}=={entry['version']}" for name, entry in entries.items()]
            where = (
                "--base",
                str(self.root / "base.json"),
                "--index-url",
                self.index.url,
                "-o",
                str(output),
            )
            return [*COMMAND, "resolve", *pins, *where], output
        if work == "bundle":
            folder = self.root / f"bundle-{number}"
            return [*COMMAND, "bundle", alone, str(folder)], folder / "pyodide-lock.json"
        return [*COMMAND, "cache", "prune", "--days", "1"], None

    def _freeze(self, kind: int) -> list[str]:
        where = ("--base", str(self.root / "base.json"), "--index-url", self.index.url)
        return [*COMMAND, "freeze", "--path", str(self.root / f"site-{kind}"), *where]

    def _check_lock(self, number: int, work: str, output: Path) -> None:
        found, alone = (
            output.read_bytes(),
            (self.root / f"alone-{number % self.kinds}.json").read_bytes(),
        )
        output.unlink()
        # A resolve writes other notes, and a bundle other file names.
        if found != alone if work == "freeze" else _hashes(found) != _hashes(alone):
            raise WrongError(
                f"process {number} ({work}) made another lock than one that runs alone"
            )

    def check_cache(self) -> None:
        """The database is whole, and nothing that was meant to be temporary is left.

        Raises `WrongError`.
        """
        database = self.cache / "facts.sqlite3"
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            raise WrongError(f"{database.name} is corrupted: {found}")
        left = [path.name for path in self.cache.iterdir() if path.is_file() and path != database]
        left += [
            path.name for path in (self.cache / "wheels").rglob("*") if path.name.startswith(".")
        ]
        if left:
            raise WrongError(f"left in the cache: {', '.join(left)}")


def _kinds(found: Sequence[Package], count: int) -> Iterator[list[str]]:
    """Sets of ten to twenty packages that need nothing but each other."""
    random, needs = Random(2), {}
    for package in found:
        texts = [*package.requires, *package.extras.get("fast", ())]
        needs[package.name] = [Requirement(text).name for text in texts if "win32" not in text]
    for _ in range(count):
        chosen: set[str] = set()
        while len(chosen) < 10:
            waiting = [random.choice(found).name]
            more = set(chosen)
            while waiting:
                name = waiting.pop()
                if name not in more:
                    more.add(name)
                    waiting += needs[name]
            chosen = more if len(more) <= 20 else chosen
        yield sorted(chosen)


def _hashes(lock: bytes) -> dict[str, str]:
    return {name: entry["sha256"] for name, entry in json.loads(lock)["packages"].items()}


def check_all(outcomes: Sequence[Outcome], expected: int = 0) -> None:
    """Raise `WrongError` for another exit status, a traceback, or a busy database."""
    for number, outcome in enumerate(outcomes):
        said = outcome.stderr
        if (
            outcome.status != expected
            or "Traceback" in said
            or "locked" in said.replace("packages locked", "")
        ):
            raise WrongError(f"process {number} ended with {outcome.status}: {said[-2000:]}")


# -- large locks


@dataclass(slots=True)
class Large:
    """A folder of ``count`` distributions, an index that has them, and every command on their
    lock.
    """

    root: Path
    count: int
    resolved: int
    costs: dict[str, tuple[Outcome, int]] = field(default_factory=dict)
    index: LoadIndex = field(init=False)

    def prepare(self) -> None:
        """Build wheels and the folder."""
        found = packages(self.count)
        self.index = LoadIndex(self.root / "files", found)
        install(self.root / "site", list(self.index.wheels.values()), unnamed(found))
        for name, info in (("base", NEW), ("old", OLD)):
            lock = base(info, self.index, self.count // 200)
            (self.root / f"{name}.json").write_text(json.dumps(lock))
        # Each package needs earlier ones of the list alone, so the first so many are
        # complete.
        pins = [f"{package.name}=={package.version}\n" for package in found[: self.resolved]]
        (self.root / "pins.txt").write_text("".join(pins))
        (self.root / "synced").mkdir()

    def run(self) -> None:
        """Every command, in an order in which one prepares what the next one reads."""
        index = ("--index-url", self.index.url)
        base = ("--base", "base.json")
        freeze = ("freeze", "--path", "site", *index)
        self._do(
            "freeze, nothing cached", *freeze, *base, "--include", "distribution", "-o", "lock.json"
        )
        self._do("freeze again", *freeze, *base, "--include", "distribution", "-o", "again.json")
        self._expect_same("lock.json", "again.json")
        self._do("freeze, the lock as base", *freeze, "--base", "lock.json", "-o", "based.json")
        self._change()
        self._do("verify --offline", "verify", "--offline", "lock.json")
        self._do("verify", "verify", *index, "lock.json")
        self._do("diff", "diff", "lock.json", "changed.json", status=1)
        self._do("diff --markdown", "diff", "--markdown", "lock.json", "changed.json", status=1)
        self._do("diff --json", "diff", "--json", "lock.json", "changed.json", status=1)
        self._do("tree", "tree", "lock.json")
        self._do("tree --json", "tree", "--json", "lock.json")
        self._do("tree --svg", "tree", "--svg", "tree.svg", "lock.json")
        self._do("tree --sizes", "tree", "--sizes", "lock.json")
        self._do("check", "check", "lock.json")
        self._do(
            "export, requirements",
            "export",
            "lock.json",
            "--format",
            "requirements",
            "-o",
            "requirements.txt",
        )
        self._do("export, pylock", "export", "lock.json", "--format", "pylock", "-o", "pylock.toml")
        self._do("import", "import", "pylock.toml", *base, *index, "-o", "imported.json")
        self._do("bundle", "bundle", "lock.json", "bundle")
        self._do("bundle again", "bundle", "lock.json", "bundle")
        self._do("sync", "sync", "lock.json", "--path", "synced")
        self._do("sync again", "sync", "lock.json", "--path", "synced")
        self._do("sync, half of it goes", "sync", "half.json", "--path", "synced")
        self._do("outdated", "outdated", "lock.json", *index)
        self._do("resolve", "resolve", "-r", "pins.txt", *base, *index, "-o", "resolved.json")
        self._do(
            "retarget",
            "retarget",
            "resolved.json",
            "--base",
            "old.json",
            *index,
            "-o",
            "moved.json",
        )

    def _do(self, name: str, *arguments: str, status: int = 0) -> None:
        environment = clean_environment(
            XDG_CACHE_HOME=str(self.root / "cache"), HOME=str(self.root)
        )
        self.index.reset()
        (outcome,) = run_all([[*COMMAND, *arguments]], environment, PATIENCE, self.root)
        check_all([outcome], status)
        self.costs[name] = outcome, self.index.count
        print(
            f"  {self.count} {name}: {outcome.wall:.1f} s, CPU {outcome.cpu:.1f} s",
            file=sys.stderr,
            flush=True,
        )

    def _expect_same(self, first: str, second: str) -> None:
        if (self.root / first).read_bytes() != (self.root / second).read_bytes():
            raise WrongError(f"{first} and {second} differ")

    def _change(self) -> None:
        """Write a copy of the lock in which every kind of change occurs, and one with half of the
        packages.
        """
        lock, random = json.loads((self.root / "lock.json").read_bytes()), Random(1)
        entries = lock["packages"]
        half = set(sorted(entries)[::2])
        parts = {
            name: {**entries[name], "depends": sorted(half & set(entries[name]["depends"]))}
            for name in half
        }
        (self.root / "half.json").write_text(json.dumps({**lock, "packages": parts}))
        for name in sorted(entries):
            chance, entry = random.random(), entries[name]
            if chance < 0.1:
                entry["version"], entry["sha256"] = entry["version"] + ".1", "ab" * 32
            elif chance < 0.15:
                entry["sha256"] = "cd" * 32
            elif chance < 0.2:
                entries[f"new-{name}"] = {**entries.pop(name), "name": f"new-{name}"}
            elif chance < 0.25:
                entry["imports"] = ["other"]
            elif chance < 0.3:
                entry["file_name"] = entry["file_name"].replace("127.0.0.1", "localhost")
        (self.root / "changed.json").write_text(json.dumps(lock))


def growth(small: Large, large: Large) -> Iterator[list[str]]:
    """A row a command: seconds, CPU, memory and requests of both sizes, and by how much the CPU
    time grew.
    """
    for name, (first, _) in small.costs.items():
        second, requests = large.costs[name]
        cells = [name, *map(seconds, (first.wall, first.cpu, second.wall, second.cpu))]
        cells += [
            f"{second.cpu / first.cpu:.1f}",
            megabytes(first.memory),
            megabytes(second.memory),
        ]
        yield [*cells, str(requests)]


# -- the command


def seconds(value: float) -> str:
    """Seconds, as tables have them."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def megabytes(value: int) -> str:
    """Bytes in MB."""
    return f"{value / 1e6:.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown, numbers to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def crowd_table(processes: int) -> str:
    """Many processes on one cache: cold, warm, and mixed on an empty one."""
    with tempfile.TemporaryDirectory(prefix="load-") as temporary:
        crowd = Crowd(Path(temporary), processes=processes)
        with crowd.index:
            crowd.prepare(processes // 4)
            rounds = [crowd.freeze("freeze, cache empty"), crowd.freeze("freeze, cache full")]
            rounds.append(crowd.mixed("freeze, resolve, bundle, cache prune; cache empty"))
    head = ("at once", "processes", "s", "CPU s", "CPU s each", "MB, most", "requests")
    return table(head, [item.row() for item in rounds])


def growth_table(sizes: Sequence[int], resolved: Sequence[int]) -> tuple[str, list[str]]:
    """Every command on a smaller and a larger lock, and what grew too much."""
    done = []
    for count, some in zip(sizes, resolved, strict=True):
        with tempfile.TemporaryDirectory(prefix="load-") as temporary:
            large = Large(Path(temporary), count, some)
            large.prepare()
            with large.index:
                large.run()
            done.append(large)
    small, large = done
    rows = list(growth(small, large))
    head = [
        "command",
        *(f"{text}, {count}" for count in sizes for text in ("s", "CPU s")),
        "growth of CPU",
    ]
    head += [*(f"MB, {count}" for count in sizes), f"requests, {sizes[1]}"]
    return table(head, rows), [row[0] for row in rows if float(row[5]) > MOST_GROWTH]


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="an eighth of the processes, a tenth of the packages"
    )
    parser.add_argument("--only", choices=("processes", "locks"), help="one of the two tables")
    arguments = parser.parse_args()
    part = 10 if arguments.quick else 1
    sizes, resolved = ([number // part for number in numbers] for numbers in (SIZES, RESOLVED))
    grown: list[str] = []
    try:
        if arguments.only != "locks":
            print(crowd_table(PROCESSES // 8 if arguments.quick else PROCESSES), flush=True)
        if arguments.only != "processes":
            text, grown = growth_table(sizes, resolved)
            print(text)
    except WrongError as error:
        raise SystemExit(f"wrong: {error}") from error
    if grown:
        raise SystemExit(
            f"grew more than {MOST_GROWTH:g} times with ten times the packages: {', '.join(grown)}"
        )


if __name__ == "__main__":
    main()
