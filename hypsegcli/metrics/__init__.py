"""Metrics: the catalogue of all, the report's records, and a file for each family, from counts to numbers."""
