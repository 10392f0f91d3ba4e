"""The class tree; knows names and indices, not pixels."""
