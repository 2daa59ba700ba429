"""Whether a lock is true, and its files exist."""
