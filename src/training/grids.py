"""The coarse grid: blocks of the 1 mm grid, and how their intensities are normalised. Shared with the pipeline."""

from __future__ import annotations

import numpy as np

BLOCK = 4
COARSE_SHAPE = (56, 64, 56)
FOREGROUND_OF_MEAN = 0.3
HIGH_PERCENTILE = 98
CLIP = (0.0, 1.5)
SUBTRACT, DIVIDE = 0.4, 0.35


def round_half_up(x: np.ndarray) -> np.ndarray:
    """floor(x + 0.5): the one rounding rule here, because languages differ in theirs."""
    return np.floor(np.asarray(x, float) + 0.5).astype(int)


def normalise_coarse(blocks: np.ndarray) -> np.ndarray:
    """Scales blocks (>= 0) by a high percentile of the foreground; 0 everywhere stays constant."""
    foreground = blocks[blocks > FOREGROUND_OF_MEAN * blocks.mean()]
    high = np.percentile(foreground, HIGH_PERCENTILE) if foreground.size else 1.0
    return (np.clip(blocks / (high + 1e-6), *CLIP) - SUBTRACT) / DIVIDE
