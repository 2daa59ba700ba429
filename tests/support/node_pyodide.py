"""A real Pyodide in Node: one subprocess, JSON lines both ways.

For what pytest-pyodide cannot do, see runner_session.py: the older Pyodides beside the newest, other
locks and boot options, folders of this machine, stack switching, the interpreter of a venv.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import runtimes
from .session import PROJECT_PATH, PyodideDied, PyodideError, PyodideSession

__all__ = ["NodePyodide", "PyodideDied", "PyodideError"]

_DRIVER = Path(__file__).with_name("node_driver.mjs")


class NodePyodide(PyodideSession):
    """A running Pyodide in Node.

    version: one of runtimes.VERSIONS. lock: path or contents of a pyodide-lock.json; None: the
      emptied base.
    package_folder: where relative file names of the lock live; None: beside the lock, for contents
      the emptied base.
    env: os.environ inside. jspi: switch stack switching on (Node 20), so that run_sync works.
    program: be the interpreter of that path, which sees the disk as Pyodide's `python` does; cwd:
      where it is called.
    restored: files in memory before Python starts, by path. packages: are loaded while it starts.
    timeout: seconds for the boot and for each call; then the process is killed.
    """

    def __init__(
        self,
        version: str = runtimes.VERSIONS[-1],
        *,
        lock: Path | Mapping[str, Any] | None = None,
        package_folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        jspi: bool = False,
        program: Path | None = None,
        cwd: Path | None = None,
        restored: Mapping[str, bytes] | None = None,
        packages: Sequence[str] = (),
        timeout: float = 120,
    ) -> None:
        self.version = version
        self.timeout = timeout
        self.output: deque[str] = deque(
            maxlen=1000
        )  # what Python and Pyodide printed, line by line
        self._mounted: list[str] = []
        self._temporary = tempfile.TemporaryDirectory(prefix="pyodide-")
        options = self._options(lock, package_folder) | {
            "env": dict(env or {}),
            "packages": list(packages),
        }
        if program is not None:
            options["program"] = str(program)
            options.pop(
                "packageBaseUrl", None
            )  # no test names it: what its folder has not is on the CDN
        if restored is not None:
            options["restored"] = {
                path: base64.b64encode(data).decode() for path, data in restored.items()
            }
        flags = ["--experimental-wasm-stack-switching"] if jspi else []
        try:
            self._process = subprocess.Popen(
                ["node", *flags, str(_DRIVER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env=os.environ | {"NODE_OPTIONS": ""},
                cwd=cwd,
            )
        except BaseException:
            self._temporary.cleanup()
            raise
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._threads = [
            threading.Thread(target=read, daemon=True)
            for read in (self._read_answers, self._read_output)
        ]
        for thread in self._threads:
            thread.start()
        try:
            self.call("boot", options=options)
            self.remember()
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:  # type: ignore[override]
        """Whether the process still runs."""
        return self._process.poll() is None

    def mount(self, host_folder: Path, path: str) -> None:
        """Show a folder of the host at an absolute path inside, to read and to write;

        reset() takes it away.
        """
        if path in self._mounted:
            self.unmount(path)
        self.call("mount", host=str(host_folder.resolve()), path=path)
        self._mounted.append(path)

    def unmount(self, path: str) -> None:
        """Undo mount."""
        self.call("unmount", path=path)
        self._mounted.remove(path)

    def show_project(self) -> None:
        """Mount the sources."""
        source = runtimes.PROJECT / "micropip_lock"
        self.call("mount", host=str(source), path=f"{PROJECT_PATH}/micropip_lock")

    def reset(self) -> None:
        """Take the mounts away as well."""
        super().reset()
        for path in list(self._mounted):
            self.unmount(path)
        self.output.clear()

    def call(self, command: str, timeout: float | None = None, **values: Any) -> Any:
        """Pass one message to the process."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"command": command, **values}) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=timeout or self.timeout)
        except queue.Empty:
            self._process.kill()
            self._process.wait()
            raise PyodideDied(
                f"no answer to {command} after {timeout or self.timeout} s\n{self._tail()}"
            ) from None
        except OSError:
            line = None
        if line is None:
            self._process.wait(5)
            raise PyodideDied(
                f"Node ended during {command}: status {self._process.returncode}\n{self._tail()}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise PyodideError(answer["error"]["type"], answer["error"]["message"])
        return answer["value"]

    def close(self) -> None:
        """End the process, by force if it does not go."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        self._temporary.cleanup()

    def _options(
        self, lock: Path | Mapping[str, Any] | None, package_folder: Path | None
    ) -> dict[str, Any]:
        if isinstance(lock, Mapping):
            path = Path(self._temporary.name) / "pyodide-lock.json"
            path.write_text(json.dumps(lock))
            package_folder = package_folder or runtimes.emptied_base(self.version)
        else:
            path = (lock or runtimes.emptied_base(self.version) / "pyodide-lock.json").resolve()
        folder = f"{(package_folder or path.parent).resolve()}/"
        module = (runtimes.runtime(self.version) / "pyodide.mjs").as_uri()
        options = {"module": module, "lockFileURL": str(path), "packageCacheDir": folder}
        if not self.version.startswith("0.27"):
            options["packageBaseUrl"] = (
                folder  # unknown to 0.27, which goes by packageCacheDir alone in Node
            )
        return options

    def _tail(self) -> str:
        return "\n".join(list(self.output)[-30:])

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(None)

    def _read_output(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.output.append(line.rstrip("\n"))
