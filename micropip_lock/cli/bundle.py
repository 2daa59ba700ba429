"""``micropip-lock bundle``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from ..operations.bundle.run import BundleResult, bundle
from .console import print_json
from .main import DONE, Common, command
from .options import FOLDER, LOCK_HELP, lock_input

_FILE = click.Path(path_type=Path)


@click.command("bundle", epilog=LOCK_HELP)
@click.argument("lock")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--base-dir", type=FOLDER, help="A local Pyodide distribution that holds wheels of the base."
)
@click.option("--zip", "zipped", is_flag=True, help="Also pack the folder into DIR.zip.")
@click.option(
    "--page",
    is_flag=False,
    flag_value="",
    metavar="[FILE.py]",
    help="Also write an index.html that boots it, and runs FILE.py or opens a console.",
)
@partial(command, interrupted="run bundle again to go on with what has come")
def bundle_command(
    *,
    common: Common,
    lock: str,
    folder: Path,
    base_dir: Path | None,
    zipped: bool,
    page: str | None,
) -> int:
    """Put all files of LOCK into DIR, with a lock that names them there:

    to host it, or to go offline.
    """
    source = lock_input(lock)
    human = common.output()
    with human.transfers() as transfers:
        result = common.run(
            lambda fetcher: bundle(
                source,
                folder,
                base_dir=base_dir,
                zip=zipped,
                page=page if page else page is not None,
                fetcher=fetcher,
                cache_dir=common.cache,
                progress=transfers,
            )
        )
    if common.json:
        print_json(_document(result))
    else:
        human.say(result.summary)
    return DONE


def _document(result: BundleResult) -> dict[str, object]:
    files = [
        {"package": file.package, "path": str(file.path), "size": file.size, "source": file.source}
        for file in result.files
    ]
    return {
        "lockfile": result.lockfile.to_dict(),
        "files": files,
        "zip": None if result.zip is None else str(result.zip),
        "page": None if result.page is None else str(result.page),
        "totals": result.totals,
    }
