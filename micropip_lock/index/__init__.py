"""Wheels on package indexes: which exist, and what they hold."""
