"""``python -m tests.end_to_end.golden`` writes every text anew."""

from __future__ import annotations

from .cases import CASES


def main() -> None:
    """Write."""
    for case in CASES:
        case.path.write_text(case.explanation())
        print(case.path.name)


if __name__ == "__main__":
    main()
