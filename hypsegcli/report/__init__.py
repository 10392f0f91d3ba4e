"""From counts to report.json, the page, the tables' numbers, and the comparison of two evaluations."""
