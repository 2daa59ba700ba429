"""An environment made what a lock says."""
