"""Fuzzing of every parser of foreign bytes:

``python -m fuzz``. docs/fuzzing.md has what came out.
"""
