"""What the tests stand on: wheels, loopback indexes, real Pyodide runtimes."""
