"""Planes and labels to pictures for people."""
