// Puts bytecode beside the sources in a Pyodide's python_stdlib.zip: node compile_stdlib.mjs FOLDER TARGET
import { readFileSync, writeFileSync } from "node:fs";

const [folder, target] = process.argv.slice(2);
const { loadPyodide } = await import(`${folder}/pyodide.mjs`);
const py = await loadPyodide({ lockFileURL: `${folder}/pyodide-lock.json` });
py.FS.writeFile("/tmp/sources.zip", readFileSync(`${folder}/python_stdlib.zip`));
py.runPython(`
import sys, zipfile
from importlib._bootstrap_external import _code_to_hash_pyc
from importlib.util import source_hash

(lib,) = [path for path in sys.path if path.endswith(".zip")]
with zipfile.ZipFile("/tmp/sources.zip") as sources, zipfile.ZipFile("/tmp/compiled.zip", "w") as compiled:
    for member in sources.infolist():
        data = sources.read(member)
        compiled.writestr(member, data)
        if member.filename.endswith(".py"):
            code = compile(data, f"{lib}/{member.filename}", "exec", dont_inherit=True)
            pyc = _code_to_hash_pyc(code, source_hash(data), checked=False)
            compiled.writestr(member.filename + "c", bytes(pyc))
`);
writeFileSync(target, py.FS.readFile("/tmp/compiled.zip"));
process.exit(0);
