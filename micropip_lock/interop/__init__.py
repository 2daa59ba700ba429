"""Other tools' formats, read from and written to files."""
