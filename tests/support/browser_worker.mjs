// A module web worker with one Pyodide.
import { session } from "./pyodide_commands.mjs";

const perform = session((text) => postMessage({ output: text }));
onmessage = async ({ data }) => postMessage({ id: data.id, answer: await perform(data.message) });
