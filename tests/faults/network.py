"""The faults of servers, and what may become of a command that meets one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest import mock

from micropip_lock.index import client as index
from micropip_lock.index import download, downloaded_wheel
from micropip_lock.index import wheel_metadata as published
from micropip_lock.operations.verify import online as _verify_online

from ..support.index_server import Fault
from ..support.loopback import DRIP_SECONDS, DRIPS
from ..support.replies import Reply
from .operations import Operation
from .scene import Scene, resolving
from .server import always, once, stage

#: Bytes that a test may have to take in vain before something counts as too much.
ENOUGH = 1 << 20


Around = Callable[[Scene, str], AbstractContextManager[None]]


@dataclass(frozen=True)
class NetworkFault:
    """One way in which servers fail.

    ``make``: the fault of an answer. ``scope``: every URL has it "once" and then is well; "all"
    have it always; or one kind of URL after the other, "each". ``fetching``: options of the
    fetcher. ``around``: what else there is to do. ``pause``: the longest pause, in seconds, that
    has to be made.
    """

    name: str
    meaning: str
    make: Callable[[], Fault] | None = None
    scope: Literal["once", "each", "all"] = "each"
    fetching: Mapping[str, Any] = field(default_factory=dict)
    around: Around | None = None
    pause: float = 0.0

    @property
    def wastes(self) -> bool:
        """Whether it passes, and a request that meets it was in vain."""
        return self.scope == "once" and self.name != "slow"

    def allows(self, outcome: str) -> bool:
        """Whether that may become of a command: it is done after all, or says that it could not
        find out.

        A definite no is an answer only to bytes that came whole and are others.
        """
        clear = r"3 unreachable"
        if self.name in ("wrong-type", "wrong-hash"):
            clear = r"3 unreachable|1 (error|content-mismatch|hash-conflict|content-mismatch, hash-conflict)"
        word = rf"(\w+: )?(done|retried|{clear})"
        return re.fullmatch(rf"-|{word}(; {word})*", outcome) is not None

    def stages(self, operation: Operation, asked: Sequence[str]) -> list[str]:
        """The kinds of URL to try; one without a name where that makes no difference."""
        if self.scope != "each":
            return [""] if asked else []
        pages = () if operation.pinned else ("page", "release")  # whose word on the hash counts
        known = [where for where in asked if self.name != "wrong-hash" or where not in pages]
        return [where for where in known if where not in operation.spared]

    @contextmanager
    def applied(self, scene: Scene, where: str) -> Iterator[None]:
        """The fault for URLs of that kind."""
        scene.fetching.update(self.fetching)
        with ExitStack() as stack:
            if self.make is not None:
                scene.index.fault = (
                    once(self.make) if self.scope == "once" else always(self.make, where)
                )
            if self.around is not None:
                stack.enter_context(self.around(scene, where))
            yield


@contextmanager
def _other_bytes(scene: Scene, where: str) -> Iterator[None]:
    """Files are replaced by others of the same name and size, or a page says so."""

    def alter(path: str, reply: Reply) -> None:
        if stage(path) != where:
            return
        if where == "wheel":
            evil = scene.root / "evil" / Path(path).name
            reply.body = evil.read_bytes() if evil.exists() else reply.body
        elif where == "metadata":
            reply.body = reply.body.replace(b"for the tests", b"for the pests")
        else:
            reply.body = re.sub(rb'"sha256": ?"[0-9a-f]{8}', b'"sha256":"00000000', reply.body)

    scene.index.alter = alter
    yield


@contextmanager
def _small_limits(scene: Scene, where: str) -> Iterator[None]:
    """What is too large is so already at a size that a test can bear."""
    scene.index.gzip = False
    limits = [(index, "MAX_PAGE"), (download, "_LARGEST"), (downloaded_wheel, "_LARGEST_WHEEL")]
    limits += [(published, "LARGEST_METADATA"), (_verify_online, "LARGEST_LOCK")]
    with ExitStack() as stack:
        for module, name in limits:
            stack.enter_context(mock.patch.object(module, name, ENOUGH))
        try:
            yield
        finally:
            scene.index.gzip = True
    sent = max(request.bytes for request in scene.index.requests)
    assert sent < 24 * ENOUGH, f"{sent} bytes were taken of a body without an end"


@contextmanager
def _no_name(scene: Scene, where: str) -> Iterator[None]:
    with resolving(None):
        yield


def _status(status: int, after: str = "") -> Callable[[], Fault]:
    return lambda: Fault("status", status=status, headers={"Retry-After": after} if after else {})


#: Seconds without a byte that are too many, for servers that say nothing; and for one that takes
#: longer than this for each body, but never for a piece of it.
_SILENCE = {"idle": 0.1}
_DRIPPING = {"idle": DRIPS * DRIP_SECONDS * 0.9}

NETWORK_FAULTS = (
    NetworkFault(
        "time-out",
        "it takes the connection and never answers",
        lambda: Fault("hang"),
        fetching=_SILENCE,
    ),
    NetworkFault(
        "reset-once", "it resets the connection, once for each URL", lambda: Fault("reset"), "once"
    ),
    NetworkFault("reset-always", "it resets every connection", lambda: Fault("reset")),
    NetworkFault(
        "truncated-once",
        "half of a body comes, once for each URL",
        lambda: Fault("truncate"),
        "once",
    ),
    NetworkFault("truncated-always", "half of every body comes", lambda: Fault("truncate")),
    NetworkFault(
        "429", "429 with Retry-After: 7, once for each URL", _status(429, "7"), "once", pause=7.0
    ),
    NetworkFault("429-hour", "429 with Retry-After: 3600", _status(429, "3600")),
    NetworkFault("500-once", "500, once for each URL", _status(500), "once"),
    NetworkFault("500-always", "500", _status(500)),
    NetworkFault(
        "wrong-type", "an HTML page with status 200 for each request", lambda: Fault("html")
    ),
    NetworkFault("wrong-hash", "other bytes, of the same name and size", around=_other_bytes),
    NetworkFault("redirect-loop", "it redirects to itself", lambda: Fault("redirect-loop")),
    NetworkFault(
        "endless", "bodies without an end", lambda: Fault("endless"), around=_small_limits
    ),
    NetworkFault(
        "slow", "few bytes at a time, but alive", lambda: Fault("drip"), "once", _DRIPPING
    ),
    NetworkFault("dns", "its name has no address", scope="all", around=_no_name),
)
