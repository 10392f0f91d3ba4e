"""From labels and confidence planes to counts, and from counts to scores."""
