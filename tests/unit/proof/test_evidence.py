"""The values that say why an entry is true."""

from __future__ import annotations

import json

from micropip_lock.proof.evidence import Evidence


def test_evidence_is_a_json_object_with_every_field() -> None:
    evidence = Evidence(
        "demo", "1.0", "index", "content", "https://files.example/demo.whl", "0" * 64, size=7
    )
    assert list(json.loads(json.dumps(evidence.to_json()))) == [
        "package", "version", "claim", "proof", "url", "sha256", "size", "index", "requests", "bytes", "hash_from",
    ]  # fmt: skip
    assert evidence.to_json()["size"] == 7
    assert evidence.to_json()["index"] is None
