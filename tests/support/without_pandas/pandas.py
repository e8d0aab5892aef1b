"""Stands in the way of pandas."""

raise ImportError("hidden from commands under test")
