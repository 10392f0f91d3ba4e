"""x"""

def info() -> None:
    """x."""
