"""Locks to and from pylock.toml and requirements files."""
