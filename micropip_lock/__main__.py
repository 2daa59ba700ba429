"""``python -m micropip_lock``."""

from micropip_lock.cli import main

if __name__ == "__main__":
    main()
