"""What a notebook does:

install, freeze, keep the lock. Runs inside Pyodide, where `await` works at the top level.
"""

import micropip

import micropip_lock

await micropip.install(["rich", "jaraco.functools", "jaraco.context", "python-dateutil", "cbor2"])

result = await micropip_lock.freeze()
result.write("pyodide-lock.json")
