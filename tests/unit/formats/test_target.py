from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.tags import parse_tag

from micropip_lock.errors import InputError
from micropip_lock.formats.lockfile import LockInfo
from micropip_lock.formats.target import Target

from ...support.ids import short

INFO = LockInfo("3.14.2", "emscripten_5_0_3", "wasm32", "2026_0")
TARGET = Target.from_info(INFO)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("cp314-cp314-pyemscripten_2026_0_wasm32", "cp314-cp314-pyodide_2026_0_wasm32"),
        ("cp314-cp314-pyodide_2026_0_wasm32", "cp314-cp314-emscripten_5_0_3_wasm32"),
        ("cp314-cp314-emscripten_5_0_3_wasm32", "cp314-abi3-pyemscripten_2026_0_wasm32"),
        ("cp314-abi3-pyemscripten_2026_0_wasm32", "cp311-abi3-pyemscripten_2026_0_wasm32"),
        ("cp311-abi3-pyemscripten_2026_0_wasm32", "py3-none-any"),
        ("cp314-none-any", "py3-none-any"),
        ("py314-none-any", "py3-none-any"),
    ],
)
def test_tags_are_ordered_best_first(better: str, worse: str) -> None:
    first, second = TARGET.rank(parse_tag(better)), TARGET.rank(parse_tag(worse))
    assert first is not None and second is not None and first < second
    assert TARGET.rank(parse_tag(better) | parse_tag(worse)) == first


@pytest.mark.parametrize(
    "tag",
    [
        "cp314-cp314-manylinux_2_17_x86_64",
        "cp314-cp314-pyemscripten_2025_0_wasm32",
        "cp313-cp313-pyemscripten_2026_0_wasm32",
        "cp314-cp314-emscripten_4_0_9_wasm32",
        "cp314-cp314t-pyemscripten_2026_0_wasm32",
        "cp315-abi3-pyemscripten_2026_0_wasm32",
        "py2-none-any",
        "cp314-cp314-wasi_0_0_0_wasm32",
    ],
)
def test_other_platforms_do_not_fit(tag: str) -> None:
    assert TARGET.rank(parse_tag(tag)) is None
    assert TARGET.rank(()) is None


def test_without_an_abi_only_emscripten_tags_are_known() -> None:
    target = Target.from_info(replace(INFO, abi_version=None))
    assert target.platforms == ("emscripten_5_0_3_wasm32",)
    assert str(target) == "Python 3.14.2, emscripten_5_0_3_wasm32"


def test_markers_see_the_target_and_not_this_machine() -> None:
    for text in (
        "python_version == '3.14' and python_full_version == '3.14.2' and implementation_version "
        ">= '3.14'",
        "platform_system == 'Emscripten' and os_name == 'posix' and platform_release == '5.0.3'",
        "implementation_name == 'cpython' and platform_python_implementation == 'CPython' and "
        "extra == ''",
    ):
        assert Marker(text).evaluate(TARGET.environment)


@pytest.mark.parametrize("python", ["3.14.2", "3.14", "3.15.0a2", "3.14.0rc1", "3.14.2+"])
def test_python_versions(python: str) -> None:
    target = Target.from_info(replace(INFO, python=python))
    assert target.python_version == (3, int(python[2:4]))
    assert Marker("python_full_version >= '3.13'").evaluate(target.environment)
    assert target.tags


@pytest.mark.parametrize(
    "changes",
    [
        {"python": "3"},
        {"python": "three"},
        {"python": "3.14.2; rm"},
        {"python": "3.14.x"},
        {"python": "3." + "9" * 5000},
        {"python": "3.14.2" + "0" * 5000},
        {"python": "٣.١٤"},
        {"platform": "linux"},
        {"platform": "emscripten_5_0"},
        {"platform": "emscripten_5_0_3_wasm32"},
    ],
    ids=short,
)
def test_what_names_no_pyodide_is_an_input_error(changes: dict[str, str]) -> None:
    with pytest.raises(InputError, match=next(iter(changes))):
        Target.from_info(replace(INFO, **changes))


@given(
    st.text(max_size=12) | st.from_regex(r"\A3\.[0-9]{1,3}.{0,6}\Z"),
    st.text(max_size=12) | st.just(INFO.platform),
)
def test_a_target_that_is_made_works(python: str, platform: str) -> None:
    try:
        target = Target.from_info(replace(INFO, python=python, platform=platform))
    except InputError:
        return
    Marker("python_full_version >= '3.9' and platform_release > '1'").evaluate(target.environment)
    assert target.rank(parse_tag("py3-none-any")) is not None
