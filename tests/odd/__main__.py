"""``python -m tests.odd [NAME...]`` checks all odd distributions, or some;

exit status 1 when something is wrong.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .check import check
from .distribution import distributions


def main() -> None:
    """Print what is wrong."""
    items = distributions(*sys.argv[1:])
    found = 0
    with tempfile.TemporaryDirectory() as place:
        for wrong in check(items, Path(place)):
            print(wrong, flush=True)
            found += 1
    size = sum(item.path.stat().st_size for item in items)
    print(
        f"{len(items)} distributions, {size / 1e6:.0f} MB of wheels; {found} times something is "
        "wrong."
    )
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
