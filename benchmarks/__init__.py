"""Performance measurements, each with a floor or a peer beside it."""
