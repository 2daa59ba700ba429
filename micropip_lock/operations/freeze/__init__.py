"""A lock of what is installed."""
