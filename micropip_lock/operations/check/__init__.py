"""Whether the packages of a lock suit each other."""
