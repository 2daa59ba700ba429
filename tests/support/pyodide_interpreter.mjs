// A `python` that is Pyodide in Node: as much of it as virtualenv and uv need to know their way about.
// Arguments: the folder of npm's package, the path the interpreter was called by, then those of Python.
import { readdirSync } from "node:fs";

const [runtime, program, ...args] = process.argv.slice(2);
const { loadPyodide } = await import(`${runtime}/pyodide.mjs`);
const own = ["dev", "lib", "proc", "sys"]; // Pyodide has these itself
const shared = readdirSync("/").filter((name) => !own.includes(name));

function showFiles(FS) {
  for (const name of shared) {
    FS.mkdirTree(`/${name}`);
    FS.mount(FS.filesystems.NODEFS, { root: `/${name}` }, `/${name}`);
  }
}

try {
  const env = { ...process.env, HOME: process.cwd() };
  const py = await loadPyodide({ args, env, _sysExecutable: program, fsInit: showFiles });
  py.setStdout(); // as it comes, not line by line
  py.setStderr();
  const main = py._module.jspiSupported ? py._module.promisingRunMain : py._module._run_main;
  process.exit(await main());
} catch (error) {
  if (error.constructor.name !== "ExitStatus") throw error;
  process.exit(error.status);
}
