"""Checkpoints that lie elsewhere: addresses, the way here, and what is kept of it."""
