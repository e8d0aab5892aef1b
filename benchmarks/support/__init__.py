"""What the measurements share: servers, rows, children, results."""
