"""Scorers: what one answer is worth against its reference, as pure functions of text."""
