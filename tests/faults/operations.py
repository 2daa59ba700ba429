"""What is run: each command with the arguments that make it do all that it can."""

from __future__ import annotations

from dataclasses import dataclass

from .scene import Scene


@dataclass(frozen=True)
class Operation:
    """A command of the command line, with arguments of which ``@name`` is a file of the scene.

    ``writes``: the files and folders that it changes; ``grows``: folders that may have some of the
    new files even when it fails; ``partial``: files that it writes even without all answers;
    ``indexed``: it asks an index; ``pinned``: the hashes are known from elsewhere; ``spared``:
    kinds of URL that another operation asks for in the same way; ``warm``: it was run before;
    ``status``: its exit status.
    """

    name: str
    meaning: str
    arguments: str
    writes: tuple[str, ...] = ()
    grows: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    indexed: bool = True
    pinned: bool = False
    spared: tuple[str, ...] = ()
    warm: bool = False
    status: int = 0

    def command(self, scene: Scene) -> list[str]:
        """The arguments for a scene."""
        words = [
            str(scene.at(word[1:])) if word.startswith("@") else word
            for word in self.arguments.split()
        ]
        return [*words, *(["--index-url", scene.index.url_with_password] if self.indexed else [])]


_FREEZE = "freeze --venv @venv -o @out/out.json"
_LOCK = ("out/out.json",)

OPERATIONS = (
    Operation("freeze", "by pages and documents of releases, and ranges of wheels", _FREEZE, _LOCK),
    Operation("re-freeze", "once more with its cache", _FREEZE, _LOCK, warm=True),
    Operation(
        "resolve",
        "by pages, METADATA, and ranges",
        "resolve demo --base @base.json -o @out/out.json",
        _LOCK,
    ),
    Operation("verify", "with what the lock names", "verify @lock.json", pinned=True),
    Operation(
        "verify-deep",
        "what it does more",
        "verify @lock.json --deep",
        pinned=True,
        spared=("lock", "page", "metadata"),
    ),
    Operation(
        "bundle",
        "a folder, and its zip",
        "bundle @lock.json @out/bundle --zip",
        ("out/bundle", "out/bundle.zip"),
        grows=("out/bundle",),
        indexed=False,
    ),
    Operation(
        "sync",
        "replaces, installs and removes",
        "sync @lock.json --venv @out/venv",
        ("out/venv",),
        indexed=False,
    ),
    Operation("diff", "of two files", "diff @out/out.json @lock.json", indexed=False, status=1),
    Operation(
        "export",
        "to a pylock",
        "export @lock.json --format pylock -o @out/out.toml",
        ("out/out.toml",),
        indexed=False,
    ),
    Operation(
        "import",
        "of a pylock",
        "import @pylock.toml --base @base.json -o @out/out.json",
        _LOCK,
        pinned=True,
    ),
    Operation("outdated", "by pages", "outdated @lock.json"),
    Operation(
        "retarget",
        "by ranges",
        "retarget @elsewhere.json --base @base.json -o @out/out.json",
        _LOCK,
    ),
    Operation(
        "tree",
        "with the sizes that servers tell, as a picture",
        "tree @lock.json --sizes --svg @out/out.svg",
        ("out/out.svg",),
        partial=("out/out.svg",),
        indexed=False,
    ),
)
