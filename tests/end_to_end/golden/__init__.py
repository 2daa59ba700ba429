"""Requirements without a solution, and what is said about each, word for word.

``python -m tests.end_to_end.golden`` writes the texts anew. Read what changed: each has to make
sense to people who have never seen a resolver.
"""
