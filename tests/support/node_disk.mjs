// What Pyodide's own `python` in Node does before Python starts: it shows Python the disk.
import { readdirSync } from "node:fs";

const own = ["dev", "lib", "proc", "sys"]; // Pyodide has these itself

export function showDisk(FS) {
  for (const name of readdirSync("/").filter((name) => !own.includes(name))) {
    FS.mkdirTree(`/${name}`);
    FS.mount(FS.filesystems.NODEFS, { root: `/${name}` }, `/${name}`);
  }
}

// The options of loadPyodide for an interpreter that is called as `program`, in a venv or not.
export function interpreter(program, env) {
  return { env: { ...env, HOME: process.cwd() }, _sysExecutable: program, fsInit: showDisk };
}
