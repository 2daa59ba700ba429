"""One pip after the other without importing pip anew: each line of stdin is a question, each line of stdout an answer.

A question is {"arguments": [...], "output": FILE}; the arguments are those of foreign_python.py. The answer is
{"output": FILE, "status": pip's exit status}. Each pip runs in a fork of its own, so none knows of the others.
"""

from __future__ import annotations

import json
import os
import runpy
import sys

import pip._internal.cli.main
import pip._internal.commands.install
import pip._internal.resolution.resolvelib.resolver  # noqa: F401 - what the forks will use

from tests.support import foreign_python


def _answer(arguments: list[str], output: str) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    file = os.open(output, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.argv[1:] = arguments
    runpy.run_path(foreign_python.__file__, run_name="__main__")
    raise AssertionError("foreign_python ends by itself")


if __name__ == "__main__":
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps({"output": question["output"], "status": _answer(**question)}), flush=True)
