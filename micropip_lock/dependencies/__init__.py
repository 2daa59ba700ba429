"""The dependencies between distributions: markers, extras, edges."""
