"""eval.toml and providers.toml, read strictly and turned into settings."""
