"""What Pillow says of files by itself."""

from __future__ import annotations

import logging
import warnings


def leave_unsaid() -> None:
    """Keep what Pillow says of oddities in files from standard error, as long as this process lasts.

    What matters of them are notes, or failures.
    """
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("PIL").addHandler(logging.NullHandler())
