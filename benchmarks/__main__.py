"""Run every benchmark."""

from __future__ import annotations

from . import boot, freeze_in_pyodide, import_time

if __name__ == "__main__":
    import_time.main()
    freeze_in_pyodide.main()
    boot.main()
