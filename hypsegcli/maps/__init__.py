"""Pure functions from scores and labels to planes and pictures."""
