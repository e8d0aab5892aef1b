"""Parts of the step that compares runs: what of one run stands beside what of the other."""
