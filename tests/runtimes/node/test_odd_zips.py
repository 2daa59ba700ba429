"""Wheels that are unusual as zip archives, as Pyodide unpacks them.

`tests/unit/formats/test_odd_zips.py` has the other readers.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.node_pyodide import NodePyodide
from tests.support.odd_zips import check_reader, number_of, write_corpus

_UNPACK = """
import hashlib, pathlib, tempfile
from pyodide._package_loader import unpack_buffer
from pyodide.ffi import to_js

trees = {}
for archive in sorted(pathlib.Path("/archives").glob("*/*")):
    place = pathlib.Path(tempfile.mkdtemp())
    try:
        # What unpackArchive() calls. Hundreds of errors on their way through JavaScript have crashed Node 20.
        unpack_buffer(to_js(archive.read_bytes()), format="wheel", extract_dir=str(place))
    except Exception:  # however it is refused
        trees[archive.parent.name] = None
    else:
        trees[archive.parent.name] = {
            str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in place.rglob("*")
            if path.is_file()
        }
trees
"""


def test_pyodide_reads_what_is_taken_in_one_way(pyodide: NodePyodide, tmp_path: Path) -> None:
    pyodide.mount(write_corpus(tmp_path), "/archives")
    trees = pyodide.run(_UNPACK)
    check_reader(trees)
    # Why these are refused: pip and uv install more.py and a..b.py.
    assert "more.py" not in trees[number_of("a Unicode Path field")]
    assert "a..b.py" not in trees[number_of("two dots within a name")]
