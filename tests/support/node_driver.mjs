// One Pyodide in Node, driven by JSON lines: messages on stdin, one answer line each on stdout.
// Everything that anybody prints goes to stderr.
import { createInterface } from "node:readline";
import { interpreter } from "./node_disk.mjs";
import { session } from "./pyodide_commands.mjs";

const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr); // console.log of Pyodide and of its packages

// `program`: be the interpreter of that path. `restored`: files in memory before Python starts, path -> base64.
function prepare({ program, restored, ...options }) {
  if (program) return { ...options, ...interpreter(program, options.env) };
  if (restored) return { ...options, fsInit: (FS) => restore(FS, restored) };
  return options;
}

function restore(FS, files) {
  for (const [path, base64] of Object.entries(files)) {
    FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    FS.writeFile(path, new Uint8Array(Buffer.from(base64, "base64")));
  }
}

const commands = {
  async mount(py, { host, path }) {
    py.FS.mkdirTree(path);
    py.FS.mount(py.FS.filesystems.NODEFS, { root: host }, path);
  },
  async unmount(py, { path }) {
    py.FS.unmount(path);
  },
};

const perform = session((text) => process.stderr.write(text + "\n"), commands, prepare);

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  write(JSON.stringify(await perform(JSON.parse(line))) + "\n");
}
process.exit(0);
