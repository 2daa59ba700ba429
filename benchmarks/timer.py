"""Times one command. It is a process of its own, and small: what a process had before exec counts
as its memory.

``timer.py ANSWER OUTPUT ERRORS COMMAND...``: the answer is JSON; wall time is from start to end,
imports included.
"""

import json
import os
import sys
import time

answer, output, errors, *command = sys.argv[1:]
flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
actions = [
    (os.POSIX_SPAWN_OPEN, number, path, flags, 0o644) for number, path in ((1, output), (2, errors))
]
start = time.perf_counter()
process = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - start
with open(answer, "w") as file:  # noqa: PTH123 - pathlib would make this process larger than what it measures
    json.dump(
        {
            "seconds": seconds,
            "cpu": usage.ru_utime + usage.ru_stime,
            "memory": usage.ru_maxrss * 1024,
            "status": os.waitstatus_to_exitcode(status),
        },
        file,
    )
