"""How well one segmentation fits another. Masks are [x, y, z] on a 1 mm grid."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    total = int(found.sum()) + int(truth.sum())
    return 1.0 if total == 0 else 2 * int((found & truth).sum()) / total


def surface_distance_95(found: np.ndarray, truth: np.ndarray) -> float:
    """95th percentile of the distances between the surfaces, both ways, mm; infinite where one is empty."""
    if not found.any() or not truth.any():
        return float("inf")
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (found, truth)]
    away = [ndimage.distance_transform_edt(~s) for s in surfaces]
    distances = np.concatenate([away[1][surfaces[0]], away[0][surfaces[1]]])
    return float(np.percentile(distances, 95))


def compare(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Labels 0 background, 1 anterior, 2 posterior on both sides of the comparison."""
    volume, true_volume = int((found > 0).sum()), int((truth > 0).sum())
    return {
        "diceAnterior": dice(found == 1, truth == 1),
        "dicePosterior": dice(found == 2, truth == 2),
        "diceWhole": dice(found > 0, truth > 0),
        "surfaceDistance95Mm": surface_distance_95(found > 0, truth > 0),
        "volumeMm3": volume,
        "trueVolumeMm3": true_volume,
        "volumeError": volume / true_volume - 1,
    }


def summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means over cases; errors of volume as fractions, signed and absolute; r of volume against truth."""
    if not rows:
        return {"cases": 0}
    column = lambda key: np.array([row[key] for row in rows], float)  # noqa: E731
    out = {key: round(float(column(key).mean()), 4) for key in rows[0] if key.startswith(("dice", "surface"))}
    error = column("volumeError")
    out |= {
        "cases": len(rows),
        "volumeErrorSigned": round(float(error.mean()), 4),
        "volumeErrorAbsolute": round(float(np.abs(error).mean()), 4),
        "volumeErrorWorst": round(float(np.abs(error).max()), 4),
    }
    if len(rows) > 2:
        out["volumeCorrelation"] = round(float(np.corrcoef(column("volumeMm3"), column("trueVolumeMm3"))[0, 1]), 4)
    return out
