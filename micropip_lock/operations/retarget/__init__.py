"""The same requirements on another Pyodide."""
