"""A lock drawn as a tree."""
