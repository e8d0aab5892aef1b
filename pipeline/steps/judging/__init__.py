"""Parts of the step that asks judges: who is asked about what, how, and what follows from the verdicts."""
