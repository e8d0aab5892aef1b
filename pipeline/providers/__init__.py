"""Wire formats, pure: a neutral request to bytes, bytes to an answer or a classified failure; catalogs as data."""
