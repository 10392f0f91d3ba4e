"""x"""

def uncertainty() -> None:
    """x."""
