"""``python -m micropip_lock``."""

from micropip_lock.cli import run

if __name__ == "__main__":
    run()
