"""Statistics: intervals, paired comparisons, and the summary of a run."""
