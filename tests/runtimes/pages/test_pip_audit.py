"""pip-audit takes the requirements that export writes, as docs/export.md has it:

up to the question to a service.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import runtimes
from tests.support.other_hosts import HowTo, environment


@pytest.mark.parametrize("urls", [False, True], ids=["index", "urls"])
def test_export(urls: bool, tmp_path: Path) -> None:
    """The whole base of Pyodide; without a network pip-audit can only say what it would ask."""
    (tmp_path / "pyodide-lock.json").write_bytes(
        (runtimes.runtime("314.0.7") / "pyodide-lock.json").read_bytes()
    )
    instead = {"--disable-pip": "--disable-pip --dry-run"}
    if urls:
        base = "https://files.example/"
        instead["--format requirements"] = f"--format requirements --urls --base-url {base}"
    how_to = HowTo.read("export: pylock.toml and requirements.txt", page="docs/export.md")
    audit = HowTo(tuple(block for block in how_to.blocks if "pip-audit" in block[1]))
    said = audit.run(tmp_path, instead, scripts=environment("pip-audit", "2.10.1"))
    assert "Dry run: would have audited 287 packages" in said
