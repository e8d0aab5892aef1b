"""Planning: what a run will ask, use, cost and take, from its own requests and from what earlier runs saw."""
