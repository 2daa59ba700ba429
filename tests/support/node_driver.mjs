// One Pyodide in Node, driven by JSON lines: messages on stdin, one answer line each on stdout.
// Everything that anybody prints goes to stderr.
import { createInterface } from "node:readline";
import { session } from "./pyodide_commands.mjs";

const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr); // console.log of Pyodide and of its packages

const perform = session((text) => process.stderr.write(text + "\n"), {
  async mount(py, { host, path }) {
    py.FS.mkdirTree(path);
    py.FS.mount(py.FS.filesystems.NODEFS, { root: host }, path);
  },
  async unmount(py, { path }) {
    py.FS.unmount(path);
  },
});

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  write(JSON.stringify(await perform(JSON.parse(line))) + "\n");
}
process.exit(0);
