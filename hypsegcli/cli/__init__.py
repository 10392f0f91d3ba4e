"""One file per command; the only room that prints. Nothing here imports torch before a command runs."""
