"""x"""

def predict() -> None:
    """x."""
