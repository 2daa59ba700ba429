"""Whether a wheel is the one that was installed."""
