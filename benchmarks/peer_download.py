"""Hashes of what is installed by downloading every wheel again: ``FOLDER INDEX OUT``.

The idea of micropip's pull request 109, outside of a browser: the project page, the file whose tags
are those of the installed WHEEL, and its bytes through sha256. Sixteen at a time, by httpx.
"""

import asyncio
import hashlib
import json
import sys
from importlib.metadata import distributions
from pathlib import Path

import httpx
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename

folder, index, out = sys.argv[1:]
ACCEPT = {"Accept": "application/vnd.pypi.simple.v1+json"}


async def main() -> None:
    """Ask for all of them."""
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=16)) as client:

        async def one(name: str, version: str, tags: frozenset[str]) -> tuple[str, str]:
            page = (await client.get(f"{index}{name}/", headers=ACCEPT)).json()
            for file in page["files"]:
                if not file["filename"].endswith(".whl") or f"-{version}-" not in file["filename"]:
                    continue
                if {str(tag) for tag in parse_wheel_filename(file["filename"])[3]} == tags:
                    digest = hashlib.sha256()
                    async with client.stream("GET", file["url"]) as response:
                        async for chunk in response.aiter_bytes():
                            digest.update(chunk)
                    return file["filename"], digest.hexdigest()
            raise SystemExit(f"no wheel of {name} {version} has the tags of the installed one")

        tasks = []
        for item in distributions(path=[folder]):
            wheel = item.read_text("WHEEL") or ""
            lines = [
                line.split(":", 1)[1].strip()
                for line in wheel.splitlines()
                if line.startswith("Tag:")
            ]
            tags = frozenset(str(tag) for line in lines for tag in parse_tag(line))
            tasks.append(one(canonicalize_name(item.name), item.version, tags))
        Path(out).write_text(json.dumps(dict(await asyncio.gather(*tasks)), indent=1))


asyncio.run(main())
