"""evalmill: batch processing and evaluation of language models."""
