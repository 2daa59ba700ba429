"""What the commands print with ``--json`` against the schemas of docs/reference/schemas."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

import micropip_lock
from micropip_lock import Lockfile
from micropip_lock.cli.main import _Commands

from ...support.freezing import base_document, entry
from ...support.index_server import Fault, IndexServer
from ...support.resolving import resolved
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, sha256
from .conftest import Done, Run

REFERENCE = Path(micropip_lock.__file__).parents[1] / "docs" / "reference"
SCHEMAS = {
    path.name: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((REFERENCE / "schemas").glob("*.json"))
}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
#: Documents that may have any further key, since locks of other tools are kept as they are.
OPEN = {"lockfile.json"}


def validate(document: Any, schema: str) -> None:
    """Raise ValidationError if a document is not what a schema says."""
    Draft202012Validator({"$ref": schema}, registry=REGISTRY).validate(document)


def closed_objects(document: Any, schema: Any, where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects of a document that its schema describes key by key."""
    while "$ref" in schema:
        name, _, pointer = schema["$ref"].partition("#")
        where = name or where
        schema = SCHEMAS[where]
        for key in filter(None, pointer.split("/")):
            schema = schema[key]
    if isinstance(document, list):
        for item in document:
            yield from closed_objects(item, schema.get("items") or {}, where)
    elif isinstance(document, dict):
        if where not in OPEN and "properties" in schema:
            yield document, where
        for key, value in document.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from closed_objects(value, below, where)


def check(document: Any, schema: str) -> None:
    """The schema takes the document, and no other that has an object with a key more."""
    validate(document, schema)
    changed = copy.deepcopy(document)
    found = list(closed_objects(changed, {"$ref": schema}, schema))
    assert found or schema in OPEN
    for item, _ in found:
        item["surplus"] = 1
        with pytest.raises(ValidationError, match="surplus"):
            validate(changed, schema)
        del item["surplus"]
    for key in SCHEMAS[schema].get("required", ()):
        without = {name: value for name, value in document.items() if name != key}
        with pytest.raises(ValidationError, match=key):
            validate(without, schema)


@pytest.fixture
def lock(run: Run, freeze: Run, tmp_path: Path) -> Path:
    """The lock of the site."""
    path = tmp_path / "pyodide-lock.json"
    assert freeze("-o", path).status == 0
    return path


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_schema_is_listed() -> None:
    page = (REFERENCE / "json.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[([\w-]+\.json)\]", page, flags=re.MULTILINE)
    assert sorted(listed) == sorted(SCHEMAS)
    named = set(re.findall(r"`([a-z]+(?: dir| info| prune| clear)?) (?:--\w+ )?--json`", page))
    assert {name.split()[0] for name in named} == set(_Commands._COMMANDS)


def test_freeze(freeze: Run, tmp_path: Path) -> None:
    done = freeze("--json", "--evidence", tmp_path / "evidence.json")
    assert done.json["evidence"]
    check(done.json, "freeze.json")
    check(json.loads((tmp_path / "evidence.json").read_text()), "freeze-evidence.json")


def test_freeze_check(freeze: Run, lock: Path) -> None:
    document = json.loads(lock.read_text())
    document["packages"]["lib"]["sha256"] = "0" * 64
    del document["packages"]["demo"]
    lock.write_text(json.dumps(document))
    done = freeze("--check", "-o", lock, "--json")
    assert (done.status, done.json["fresh"]) == (1, False)
    check(done.json, "freeze-check.json")


def test_what_freeze_leaves_out(freeze: Run, site: Path) -> None:
    folder = site / "pip-25.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: pip\nVersion: 25.0\n")
    (folder / "RECORD").write_text("pip-25.0.dist-info/METADATA,,\npip-25.0.dist-info/RECORD,,\n")
    done = freeze("--json")
    assert [item[0] for item in done.json["left_out"]] == ["pip"]
    check(done.json, "freeze.json")


def test_a_lock_and_what_it_says_of_itself(freeze: Run, base: Path) -> None:
    base.write_text(json.dumps(base_document(tool={"other": 1})))
    document = freeze("--json", "--requested", "demo").json
    check(document, "freeze.json")
    lockfile = document["lockfile"]
    validate(lockfile, "lockfile.json")
    assert lockfile == Lockfile.from_json(lockfile).to_dict()
    check(lockfile["tool"]["micropip-lock"], "tool.json")
    lockfile["tool"]["micropip-lock"]["proof"] = "belief"
    with pytest.raises(ValidationError, match="belief"):
        validate(lockfile, "lockfile.json")


def test_problems_of_a_failed_command(freeze: Run, site: Path, index: IndexServer) -> None:
    (site / "demo.py").write_text("edited = True\n")
    index.remove("lib-2.0-py3-none-any.whl")
    done = freeze("--json")
    assert done.status == 1
    assert len(done.json["problems"]) > 1
    check(done.json, "error.json")
    document = done.json
    document["problems"][0]["code"] = "invented"
    with pytest.raises(ValidationError, match="invented"):
        validate(document, "error.json")


def test_errors_without_problems(run: Run, index: IndexServer, base: Path) -> None:
    done = run("verify", "missing.json", "--json")
    assert (done.status, done.json["error"]) == (2, "input")
    check(done.json, "error.json")
    done = run("resolve", "demo", "--base", f"{index.url}missing.json", "--json")
    assert done.status == 3
    check(done.json, "error.json")


def test_resolve(run: Run, base: Path, site: Path, index: IndexServer) -> None:
    options = ("--base", base, "--index-url", index.url, "--json")
    done = run("resolve", "demo", *options)
    assert done.status == 0
    check(done.json, "resolve.json")
    done = run("resolve", "demo>1", *options)
    assert done.status == 1
    check(done.json, "error.json")


def test_import(run: Run, base: Path, index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    pylock = tmp_path / "pylock.toml"
    pylock.write_text(
        'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
        f'[[packages.wheels]]\nurl = "{index.file_url(wheel.name)}"\n'
        f'hashes = {{ sha256 = "{sha256(wheel)}" }}\n'
    )
    done = run("import", pylock, "--base", base, "--index-url", index.url, "--json")
    assert done.status == 0
    check(done.json, "resolve.json")


def test_retarget(run: Run, index: IndexServer, tmp_path: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", requires=["lib"])
    info = {**base_document()["info"], "python": "3.13.2", "abi_version": "2025_0"}
    old = Lockfile.from_json({**base_document(entry("lib", "1")), "info": info})
    path, base = tmp_path / "old.json", tmp_path / "new-base.json"
    resolved("demo", base=old, index_urls=index.url).write(path)
    base.write_text(json.dumps(base_document(entry("lib", "2"))))
    done = run("retarget", path, "--base", base, "--index-url", index.url, "--json")
    assert done.status == 0
    assert done.json["changes"]["base"]
    assert done.json["changes"]["packages"]
    check(done.json, "retarget.json")


def test_verify(run: Run, lock: Path, index: IndexServer) -> None:
    done = run("verify", lock, "--index-url", index.url, "--json")
    assert done.json["problems"]
    check(done.json, "verify.json")


def test_check(run: Run, site: Path, base: Path) -> None:
    metadata = site / "demo-1.0.dist-info" / "METADATA"
    metadata.write_text(f"Requires-Dist: lib>2\n{metadata.read_text()}")
    done = run("check", "--path", site, "--base", base, "--json")
    assert done.status == 1
    assert done.json["problems"][0]["asked"]
    check(done.json, "check.json")


def test_bundle(run: Run, lock: Path, tmp_path: Path) -> None:
    done = run("bundle", lock, tmp_path / "dest", "--zip", "--json")
    assert (done.status, len(done.json["files"])) == (0, 2)
    check(done.json, "bundle.json")


def test_sync(run: Run, venv: Path, index: IndexServer, tmp_path: Path) -> None:
    wheels = [build_wheel(index.folder, name, "3.0") for name in ("lib", "new")]
    entries = {
        wheel.name.partition("-")[0]: lock_entry(wheel, index.file_url(wheel.name))
        for wheel in wheels
    }
    path = tmp_path / "lock.json"
    path.write_text(json.dumps({**base_document(), "packages": entries}))
    done = run("sync", path, "--venv", venv, "--json")
    assert {step["action"] for step in done.json["plan"]} == {"install", "replace", "remove"}
    check(done.json, "sync.json")


def test_diff(run: Run, lock: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    document = json.loads(lock.read_text())
    document["info"]["python"] = "3.13.2"
    document["other"] = 1
    document["packages"]["lib"] |= {"version": "1.9", "imports": ["lib", "more"]}
    document["packages"]["new"] = document["packages"].pop("demo") | {"name": "new"}
    other.write_text(json.dumps(document))
    done = run("diff", lock, other, "--json")
    assert {item["kind"] for item in done.json["packages"]} == {"added", "removed", "version"}
    assert done.json["base"] and done.json["other"]
    check(done.json, "diff.json")


def test_tree(run: Run, lock: Path) -> None:
    check(run("tree", lock, "--sizes", "--json").json, "tree.json")
    inverted = run("tree", lock, "--invert", "lib", "--json").json
    assert inverted["invert"] == "lib"
    check(inverted, "tree.json")


def test_outdated(run: Run, lock: Path, index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "2.0")
    index.yanked["lib==2.0"] = "leaks"
    done = run("outdated", lock, "--index-url", index.url, "--json")
    assert len(done.json["packages"]) == 2
    check(done.json, "outdated.json")


@pytest.mark.parametrize("kind", ["pylock", "requirements"])
def test_export(run: Run, lock: Path, kind: str) -> None:
    document = json.loads(lock.read_text())
    document["packages"]["libz"] = entry("libz", file_name="libz-1.0.zip", install_dir="dynlib")
    lock.write_text(json.dumps(document))
    done = run("export", lock, "--format", kind, "--json")
    assert [problem["code"] for problem in done.json["warnings"]] == ["not-a-wheel"]
    check(done.json, "export.json")


@pytest.mark.parametrize("action", ["dir", "info", "prune", "clear"])
def test_cache(run: Run, freeze: Run, action: str, tmp_path: Path) -> None:
    assert freeze("--cache-dir", tmp_path / "own").status == 0
    done: Done = run("cache", action, "--cache-dir", tmp_path / "own", "--json")
    assert done.status == 0
    check(done.json, f"cache-{action}.json")


def test_an_unreachable_server_is_a_problem(freeze: Run, index: IndexServer) -> None:
    index.faults["/simple/demo/"] = Fault("status", status=503)
    done = freeze("--json")
    assert done.status == 3
    assert done.json["error"] == "unreachable"
    check(done.json, "error.json")
