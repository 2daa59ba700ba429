"""A lock from requirements."""
