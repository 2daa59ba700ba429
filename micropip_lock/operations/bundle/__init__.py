"""All files of a lock in one folder."""
