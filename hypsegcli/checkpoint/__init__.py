"""Everything a trained model is, on disk."""
