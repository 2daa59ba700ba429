"""Commands for those who work on the project: pictures and lists in docs/, made from the code."""
