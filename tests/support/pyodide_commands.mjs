// What a test can ask of a Pyodide, wherever it runs: Node, a page, a worker. See session.py for the other end.

function toJson(py, value) {
  if (value instanceof py.ffi.PyProxy) {
    const dumps = py.runPython("import json; json.dumps", { globals: py.toPy({}) });
    try {
      return JSON.parse(dumps(value));
    } finally {
      dumps.destroy();
      value.destroy();
    }
  }
  return typeof value === "bigint" ? Number(value) : (value ?? null);
}

function described(py, packages) {
  return packages.map(({ name, version }) => ({ name, version, channel: py.loadedPackages[name] ?? null }));
}

const commands = {
  async run(py, { code, fresh, sync }) {
    const globals = fresh ? py.toPy({ __name__: "__main__" }) : py.globals;
    return toJson(py, sync ? py.runPython(code, { globals }) : await py.runPythonAsync(code, { globals }));
  },
  async write(py, { path, base64 }) {
    py.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")) || "/");
    py.FS.writeFile(path, Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  },
  async read(py, { path }) {
    let text = "";
    for (const byte of py.FS.readFile(path)) text += String.fromCharCode(byte);
    return btoa(text);
  },
  async unpack(py, { url, path }) {
    const response = await fetch(url);
    py.FS.mkdirTree(path);
    py.unpackArchive(await response.arrayBuffer(), "zip", { extractDir: path });
  },
  async loadPackages(py, { names }) {
    return described(py, await py.loadPackage(names));
  },
  async loadPackagesFromImports(py, { code }) {
    return described(py, await py.loadPackagesFromImports(code));
  },
};

async function answered(perform) {
  try {
    return { value: (await perform()) ?? null };
  } catch (error) {
    // a PythonError has the Python class in `type` and the traceback in `message`
    return { error: { type: error.type ?? error.name ?? "Error", message: error.message ?? String(error) } };
  }
}

// The same as session() returns, of a Pyodide that runs already.
export function attached(py) {
  return ({ command, ...values }) => answered(() => commands[command](py, values));
}

// A session: takes messages {command, ...}, returns answers {value} or {error: {type, message}}, both fit for JSON.
// The first message boots: {command: "boot", options: {module, ...of loadPyodide}}; `prepare` may complete the options.
export function session(print, more = {}, prepare = (options) => options) {
  let py;
  async function boot({ module, ...options }) {
    const { loadPyodide } = await import(module);
    py = await loadPyodide({ stdout: print, stderr: print, ...prepare(options) });
    return py.version;
  }
  return ({ command, ...values }) =>
    answered(() => (command === "boot" ? boot(values.options) : (more[command] ?? commands[command])(py, values)));
}
