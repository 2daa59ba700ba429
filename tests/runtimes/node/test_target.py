"""The target of a base lock, compared with what the runtime of that lock says of itself."""

from __future__ import annotations

import json

import pytest
from packaging.markers import Marker
from packaging.utils import parse_wheel_filename

from micropip_lock.formats.lockfile import Lockfile
from micropip_lock.formats.target import Target
from tests.support.runtimes import VERSIONS, base_lock
from tests.support.session import PyodideSession


@pytest.mark.parametrize("version", VERSIONS)
def test_every_wheel_of_a_base_fits_its_target(version: str) -> None:
    lockfile = Lockfile.from_json(base_lock(version))
    target = Target.from_info(lockfile.info)
    names = [
        package.file_name
        for package in lockfile.packages.values()
        if package.file_name.endswith(".whl")
    ]
    assert len(names) > 200
    assert not [name for name in names if target.rank(parse_wheel_filename(name)[3]) is None]
    assert Marker("sys_platform == 'emscripten' and platform_machine == 'wasm32'").evaluate(
        target.environment
    )


def test_it_says_of_itself_what_the_runtime_says(pyodide314: PyodideSession) -> None:
    pyodide314.load_packages(["packaging"])
    environment, tags = json.loads(
        pyodide314.run("""
            import json
            from packaging import markers, tags
            json.dumps([markers.default_environment(), [str(tag) for tag in tags.sys_tags()]])
        """)
    )
    target = Target.from_info(Lockfile.from_json(base_lock("314.0.7")).info)
    assert target.environment == {**environment, "extra": ""}
    own = [str(tag) for tag in target.tags]
    assert [tag for tag in own if "-pyodide_" not in tag] == tags
