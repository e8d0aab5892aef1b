"""The steps of the flow, each from what the step before left on disk."""
