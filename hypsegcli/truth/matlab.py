"""Label maps in MATLAB files, as two published sets have them; reading them needs SciPy.

`GTcls.Segmentation` in the Semantic Boundaries Dataset (SBD), `S` in COCO-Stuff 10k, each (H, W).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import ImageError, first_line
from hypsegcli.files.regular import open_regular

SUFFIX = ".mat"


def decode_matlab(path: Path) -> NDArray[np.uint8 | np.uint16]:
    """Decode the ids of a label map, (H, W), as they are stored; uint16 where the file does not hold uint8.

    Raises ImageError for a file that is damaged or holds neither map, for values that are no ids, and where SciPy is
    not installed.
    """
    try:
        from scipy.io import loadmat
    except ImportError:
        raise ImageError(
            f"{path}: label maps in MATLAB files are read by SciPy, which is not installed: "
            "pip install 'hypseg[train]'",
            "unsupported",
        ) from None
    try:
        with open_regular(path) as file:
            content = loadmat(file, simplify_cells=True, variable_names=("GTcls", "S"))
    except Exception as error:  # of a damaged file SciPy raises a dozen kinds
        raise ImageError(f"{path}: cannot be read as a MATLAB file ({first_line(error)})", "damaged") from error
    known = content.get("GTcls")
    values: Any = known.get("Segmentation") if isinstance(known, dict) else content.get("S")
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "uif":
        raise ImageError(
            f"{path}: holds no label map; SBD's is GTcls.Segmentation, that of COCO-Stuff 10k is S", "unsupported"
        )
    if values.dtype == np.uint8:
        return values
    with np.errstate(invalid="ignore"):
        ids = values.astype(np.uint16)
    if (ids != values).any():
        raise ImageError(
            f"{path}: holds values from {values.min():g} to {values.max():g} that are no ids", "unsupported"
        )
    return ids
