"""What Pillow says of oddities in files, in warnings and in a log; what matters of them are notes, or failures."""

import logging
import warnings


def leave_unsaid() -> None:
    """Keep it from standard error, for the rest of this process."""
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("PIL").addHandler(logging.NullHandler())
