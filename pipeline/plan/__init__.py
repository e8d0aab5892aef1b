"""From settings to jobs: the dataset is read and checked, and expanded over prompts and models."""
