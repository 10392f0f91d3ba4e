"""A run's doubtful places, looked at in a browser of this machine, one after the other, and judged."""
