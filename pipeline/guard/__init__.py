"""What may enter a request: input checks, redaction of sensitive data, media reading rules."""
