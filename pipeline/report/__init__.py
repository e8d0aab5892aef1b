"""Turns a run's summary and samples into pages that open anywhere, without a network."""
