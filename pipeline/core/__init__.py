"""What every part speaks: records, settings, errors, clock, fingerprints, templates, token estimates, secrets."""
