"""What a site-packages folder belongs to."""

from typing import Literal

#: What a site-packages folder belongs to: a virtual environment, nothing (pip --target), or a
#: running Pyodide.
Site = Literal["venv", "folder", "runtime"]
