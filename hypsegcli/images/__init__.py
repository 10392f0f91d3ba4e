"""Files to arrays and back; knows no model."""
