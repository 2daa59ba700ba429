// A `python` that is Pyodide in Node: as much of it as virtualenv and uv need to know their way about.
// Arguments: the folder of npm's package, the path the interpreter was called by, the base lock, then those of Python.
import { interpreter } from "./node_disk.mjs";

const [runtime, program, lockFileURL, ...args] = process.argv.slice(2);
const { loadPyodide } = await import(`${runtime}/pyodide.mjs`);

try {
  const py = await loadPyodide({ args, lockFileURL, ...interpreter(program, process.env) });
  py.setStdout(); // as it comes, not line by line
  py.setStderr();
  const main = py._module.jspiSupported ? py._module.promisingRunMain : py._module._run_main;
  process.exit(await main());
} catch (error) {
  if (error.constructor.name !== "ExitStatus") throw error;
  process.exit(error.status);
}
