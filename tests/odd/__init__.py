"""Real odd distributions, as pip, uv and ``python -m installer`` install them:

``python -m tests.odd`` freezes all.
"""
