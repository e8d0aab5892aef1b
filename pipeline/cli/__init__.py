"""The command line: one module per verb; they print, and nothing else does."""
