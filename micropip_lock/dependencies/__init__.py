"""What is needed by whom: markers, extras, edges."""
