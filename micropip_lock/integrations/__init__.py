"""Where the library shows itself: notebooks, JupyterLite sites and the `pyodide` command."""
