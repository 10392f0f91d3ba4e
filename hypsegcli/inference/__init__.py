"""From an array to a Prediction."""
