"""Browsing the stored jobs of a run, however many there are: an index, queries, search, and reading single ones."""
