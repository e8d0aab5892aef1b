"""The run folder on disk: journal, Parquet parts, manifest; nothing acknowledged is lost."""
