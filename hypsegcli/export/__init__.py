"""Checkpoints as files that other programs run, without hypseg."""
