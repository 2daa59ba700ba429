"""JupyterLite: the addon of its builder, the sites that it builds, and their kernel."""
