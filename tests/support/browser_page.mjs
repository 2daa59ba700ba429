// A page with one Pyodide: in the main thread, or with ?worker in a module web worker.
import { session } from "./pyodide_commands.mjs";

globalThis.output = [];

function workerSession() {
  const worker = new Worker(new URL("browser_worker.mjs", import.meta.url), { type: "module" });
  const waiting = new Map();
  worker.onmessage = ({ data }) => {
    if ("output" in data) {
      globalThis.output.push(data.output);
      return;
    }
    waiting.get(data.id)(data.answer);
    waiting.delete(data.id);
  };
  let last = 0;
  return (message) =>
    new Promise((resolve) => {
      waiting.set(++last, resolve);
      worker.postMessage({ id: last, message });
    });
}

const inWorker = new URL(location.href).searchParams.has("worker");
globalThis.perform = inWorker ? workerSession() : session((text) => globalThis.output.push(text));
