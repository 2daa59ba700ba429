"""Documents as values: locks, METADATA, RECORD, project pages, zip archives, requirements."""
