"""Sets of requirements, what resolve and pip choose for them, and where uv is known to choose
otherwise.

What they are about is in projects.toml and recorded.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

#: The versions that are chosen, by canonical name; None: there is no solution.
Versions = Mapping[str, str] | None

AIRFLOW_CONSTRAINTS = Path(__file__).with_name("airflow-constraints.txt")


@dataclass(frozen=True, eq=False)
class Other:
    """Another answer, and why that is so."""

    versions: Versions
    why: str


@dataclass(frozen=True, eq=False)
class Set:
    """One question. ``recorded``:

    the versions are only some of those chosen, for a recorded family has many.
    """

    name: str
    requirements: Sequence[str]
    versions: Versions
    constraints: Sequence[str] = ()
    pre: bool = False
    recorded: bool = False
    uv: Other | None = None


def airflow_constraints() -> list[str]:
    """Pins for everything that airflow needs, as its authors publish them."""
    return AIRFLOW_CONSTRAINTS.read_text().splitlines()


def _set(name: str, *requirements: str, **values: object) -> Set:
    return Set(name, requirements, **values)  # type: ignore[arg-type]


def _recorded(
    name: str, *requirements: str, versions: Versions = MappingProxyType({}), **values: object
) -> Set:
    return Set(name, requirements, versions, recorded=True, **values)  # type: ignore[arg-type]


PRE_RELEASES = [
    _set("pre-release unasked", "tool", versions={"tool": "1.0"}),
    _set("pre-release named", "tool>=2.0a1", versions={"tool": "2.0rc1"}),
    _set("pre-release pinned", "tool==2.0a1", versions={"tool": "2.0a1"}),
    _set(
        "pre-releases allowed",
        "tool",
        "nightly",
        pre=True,
        versions={"tool": "2.0rc1", "nightly": "1.2a1.dev1"},
    ),
    _set("only pre-releases", "early", versions={"early": "1.0b2"}),
    _set(
        "only pre-releases, transitively",
        "patient",
        versions={"patient": "1.0", "early": "1.0b2", "tool": "1.0"},
    ),
    _set("only pre-releases left", "tool>1.0", versions={"tool": "2.0rc1"}),
    _set("pre-release named transitively", "eager", versions={"eager": "1.0", "tool": "2.0rc1"}),
    _set(
        "pre-release as an upper bound",
        "tool<2.0rc1",
        versions={"tool": "2.0a1"},
        uv=Other({"tool": "1.0"}, "for uv only a lower bound or a pin asks for pre-releases"),
    ),
    _set("pre-release excluded", "tool!=2.0rc1", versions={"tool": "1.0"}),
    _set("pre-release of a compatible release", "tool~=2.0a1", versions={"tool": "2.0rc1"}),
    _set("pre-releases of an excluded version", "early<1.0", versions=None),
    _set("pre-release after a post-release", "nightly>1.1", versions={"nightly": "1.2a1.dev1"}),
    _set(
        "pre-release pinned by a constraint",
        "tool",
        constraints=["tool==2.0a1"],
        versions={"tool": "2.0a1"},
    ),
    _set(
        "pre-release named by a constraint",
        "tool",
        constraints=["tool>=1.0a1"],
        versions={"tool": "2.0rc1"},
        uv=Other({"tool": "1.0"}, "for uv constraints only exclude"),
    ),
    _set("post-release", "nightly", versions={"nightly": "1.1.post1"}),
]

MARKERS = [
    _set(
        "markers",
        "marked",
        versions={
            "marked": "1.0",
            **dict.fromkeys(
                [
                    f"holds-{what}"
                    for what in (
                        "platform",
                        "python",
                        "full",
                        "machine",
                        "implementation",
                        "system",
                    )
                ],
                "1.0",
            ),
        },
    ),
    _set(
        "markers and extras",
        "marked[web]",
        "net; sys_platform == 'win32'",
        "speed; python_version >= '3.14'",
        "egg; extra == 'web'",
        versions={
            "marked": "1.0",
            "speed": "1.5",
            **dict.fromkeys(
                [
                    f"holds-{what}"
                    for what in (
                        "platform",
                        "python",
                        "full",
                        "machine",
                        "implementation",
                        "system",
                    )
                ],
                "1.0",
            ),
            "holds-extra": "1.0",
            "holds-either": "1.0",
        },
    ),
]

YANKED = [
    _set("yanked", "shaky", versions={"shaky": "1.1"}),
    _set("yanked and pinned", "shaky==2.0", versions={"shaky": "2.0"}),
    _set("yanked and pinned as text", "shaky===2.0", versions={"shaky": "2.0"}),
    _set(
        "yanked and pinned transitively",
        "stubborn",
        versions={"stubborn": "1.0", "shaky": "2.0"},
        uv=Other(
            None,
            "uv takes what was yanked only if the user pins it; PEP 592 is content with any pin",
        ),
    ),
    _set(
        "yanked and pinned by a constraint",
        "shaky",
        constraints=["shaky==2.0"],
        versions={"shaky": "2.0"},
    ),
    _set("all yanked", "gone", versions=None),
    _set("all yanked, one pinned", "gone==1.0", versions={"gone": "1.0"}),
    _set("yanked makes it older", "hopeful", versions={"hopeful": "1.0", "shaky": "1.1"}),
    _set("yanked in a range of one", "shaky>=2", versions=None),
    _set("yanked by a wildcard", "shaky==2.*", versions=None),
]

PYTHON = [
    _set(
        "requires-python",
        "modern",
        "picky",
        versions={"modern": "1.0", "picky": "1.1"},
        uv=Other({"modern": "1.1", "picky": "1.2"}, "uv looks at lower bounds only"),
    ),
    _set("two requirements of one", "tool<1", "tool>=1", versions=None),
    _set("requires-python excludes", "modern>=2", versions=None),
    _set("requires-python only in METADATA", "secretive", versions={"secretive": "1.0"}),
]

EXTRAS = [
    _set(
        "self-referencing extras",
        "kit[all]",
        versions={"kit": "1.0", "base-part": "1.0", "speed": "1.5", "net": "1.0"},
    ),
    _set(
        "extra of the newest", "kit[web]", versions={"kit": "2.0", "base-part": "1.0", "net": "1.0"}
    ),
    _set(
        "extra makes it older",
        "kit[fast]",
        versions={"kit": "1.0", "base-part": "1.0", "speed": "1.5"},
    ),
    _set("unknown extra", "kit[nothing]", versions={"kit": "2.0", "base-part": "1.0"}),
    _set(
        "extras from two sides",
        "kit-user",
        "kit[fast]",
        versions={
            "kit-user": "1.0",
            "kit": "1.0",
            "base-part": "1.0",
            "speed": "1.5",
            "net": "1.0",
            "locks": "1.0",
        },
    ),
    _set("extras that need each other", "ring[a]", versions={"ring": "1.0", "speed": "1.5"}),
    _set("extra and its constraint", "kit[web]", constraints=["net<1", "speed<1"], versions=None),
]

CONFLICTS = [
    _set("diamond", "left", "right", versions={"left": "1.1", "right": "1.5", "middle": "1.4"}),
    _set("diamond without solution", "left>=2", "right", versions=None),
    _set(
        "backtracking", "upper", "ground<4", versions={"upper": "3", "lower": "3", "ground": "3.5"}
    ),
    _set(
        "backtracking from below",
        "upper",
        "left",
        "right",
        "ground<3.5",
        versions={
            "upper": "3",
            "lower": "3",
            "ground": "3",
            "left": "1.1",
            "right": "1.5",
            "middle": "1.4",
        },
    ),
    _set("backtracking to nothing", "upper>=4", "ground<4", versions=None),
    _set("needs what nobody has", "wishful", versions={"wishful": "1.0"}),
    _set("asks for what nobody has", "there-is-no-such-project", versions=None),
    _set(
        "cycle",
        "hen",
        versions={"hen": "1.0", "egg": "2.0"},
        uv=Other(
            {"hen": "2.0", "egg": "1.0"},
            "both are solutions: resolvelib, and so pip, gives way to what was chosen last, uv to "
            "what was first",
        ),
    ),
    _set(
        "constraints",
        "left",
        constraints=["middle<2", "net==7", "speed; python_version<'3'"],
        versions={
            "left": "1.1",
            "middle": "1.5",
        },
    ),
    _set("constraint without solution", "left>=2", constraints=["middle<2"], versions=None),
    _set(
        "constraint with a marker",
        "left",
        constraints=["middle<1; sys_platform == 'win32'"],
        versions={
            "left": "2.0",
            "middle": "2.1",
        },
    ),
]

VERSIONS = [
    _set("local version", "cuda==1.0", versions={"cuda": "1.0+cu2"}),
    _set("local version pinned", "cuda==1.0+cu1", versions={"cuda": "1.0+cu1"}),
    _set("local version is newest", "cuda", versions={"cuda": "1.1+cpu"}),
    _set("local version excluded", "cuda<=1.0", versions={"cuda": "1.0+cu2"}),
    _set("epoch", "almanac", versions={"almanac": "1!1.1"}),
    _set("epoch below", "almanac<2025", versions={"almanac": "2024.1"}),
    _set("epoch pinned", "almanac==1!1.*", versions={"almanac": "1!1.1"}),
    _set("compatible release", "many~=1.4.1", versions={"many": "1.4.3"}),
    _set("compatible minor release", "many~=1.4", versions={"many": "1.5"}),
    _set("excluded wildcard", "many!=1.4.*,<2", versions={"many": "1.5"}),
    _set("wildcard and exclusion", "many==1.4.*", "many!=1.4.3", versions={"many": "1.4.2"}),
    _set("pinned as text", "many===1.4.1", versions={"many": "1.4.1"}),
    _set("pinned without zeros", "many==2", versions={"many": "2.0"}),
    _set("post-releases do not exceed", "many>1.5,!=2.0", versions={"many": "2.0.post1"}),
    _set("post-release is not after its release", "many>2.0", versions=None),
    _set(
        "names of all kinds",
        "odd_name--THING",
        versions={"odd-name-thing": "1.0", "tool": "1.0", "base-part": "1.0"},
    ),
]

FILES = [
    _set("newest is an sdist", "sourced", versions={"sourced": "1.0"}),
    _set("only an sdist", "source-only", versions=None),
    _set(
        "sdist makes it older", "needs-source", versions={"needs-source": "1.0", "sourced": "1.0"}
    ),
    _set("newest is for other platforms", "alien", versions={"alien": "1.0"}),
    _set("only for other platforms", "alien-only", versions=None),
    _set(
        "best of several wheels",
        "native",
        "stable-abi",
        "numbered",
        versions={
            "native": "2.0",
            "stable-abi": "1.0",
            "numbered": "1.0",
        },
    ),
    _set(
        "wheel by URL",
        "left @ INDEX/files/left-1.0-py3-none-any.whl",
        "right",
        versions={
            "left": "1.0",
            "right": "1.5",
            "middle": "1.4",
        },
    ),
    _set(
        "wheel by URL and its extra",
        "kit[web] @ INDEX/files/kit-1.0-py3-none-any.whl",
        "kit-user",
        versions={
            "kit": "1.0",
            "kit-user": "1.0",
            "base-part": "1.0",
            "net": "1.0",
            "locks": "1.0",
        },
    ),
    _set(
        "wheel by URL, transitively",
        "url-user",
        versions={"url-user": "1.0", "left": "1.0", "middle": "1.5"},
        uv=Other(None, "uv takes URLs from the user only"),
    ),
    _set(
        "wheel by URL for another platform",
        "alien @ INDEX/files/alien-2.0-cp314-cp314-win_amd64.whl",
        versions=None,
        uv=Other({"alien": "2.0"}, "uv looks at the tags of a URL only when it installs"),
    ),
    _set(
        "wheel by URL conflicts",
        "left @ INDEX/files/left-2.0-py3-none-any.whl",
        "right",
        versions=None,
    ),
]

# Renewing recorded.json may change what is newest, so only what will stay is told here; uv and pip
# tell the rest.
RECORDED = [
    _recorded("boto3", "boto3"),
    _recorded(
        "boto3 pinned",
        "boto3==1.28.0",
        "requests",
        versions={"botocore": "1.31.85", "s3transfer": "0.6.2"},
    ),
    _recorded(
        "boto3 backtracks",
        "boto3",
        "s3transfer<0.7",
        versions={"boto3": "1.28.30", "botocore": "1.31.85"},
    ),
    _recorded(
        "boto3 backtracks far",
        "boto3",
        "urllib3<1.25",
        versions={"boto3": "1.15.18", "botocore": "1.18.18"},
    ),
    _recorded(
        "boto3 and requests, old",
        "requests<2.28",
        "boto3",
        versions={"requests": "2.27.1", "urllib3": "1.26.20"},
    ),
    _recorded("boto3 conflicts", "boto3==1.28.0", "botocore>=1.34", versions=None),
    _recorded(
        "requests pinned", "requests[socks]==2.20.0", versions={"urllib3": "1.24.3", "idna": "2.7"}
    ),
    _recorded(
        "requests skips yanked",
        "requests<2.32.2",
        "urllib3!=2.0.*,<2.1",
        versions={"requests": "2.31.0"},
    ),
    _recorded("celery and django", "celery[redis]", "django-celery-beat", "django-celery-results"),
    _recorded(
        "celery and django, old",
        "celery==5.2.7",
        "importlib-metadata",
        "django<4",
        versions={"django": "3.2.25"},
    ),
    _recorded("airflow", "apache-airflow"),
    _recorded("airflow with constraints", "apache-airflow", constraints=airflow_constraints()),
    _recorded(
        "airflow against constraints",
        "apache-airflow",
        "requests>=2.33",
        constraints=airflow_constraints(),
        versions=None,
    ),
]

SETS = [
    *PRE_RELEASES,
    *MARKERS,
    *YANKED,
    *PYTHON,
    *EXTRAS,
    *CONFLICTS,
    *VERSIONS,
    *FILES,
    *RECORDED,
]
