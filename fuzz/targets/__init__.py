"""Every target, by name."""

from __future__ import annotations

from collections.abc import Mapping

from ..target import Target
from . import configuration, installed, locks, network, pages, requirements, wheels

TARGETS: Mapping[str, Target] = {
    target.name: target
    for module in (locks, pages, installed, wheels, network, requirements, configuration)
    for target in module.TARGETS
}
