"""A local server over stored runs: the list of runs, each run's pages, and its samples however many there are."""
