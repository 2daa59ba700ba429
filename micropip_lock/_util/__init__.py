"""Small tools that every folder may use: URLs, files, texts, progress, HTML."""
