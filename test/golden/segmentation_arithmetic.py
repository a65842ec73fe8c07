"""Makes segmentation-arithmetic.json: what src/training/pipeline.py does to a small analytic head.

The networks are replaced by formulas, so that the numbers speak of the arithmetic around them and outlive every
retraining. src/segmentation repeats the head and the formulas and must come to the same numbers.

Run from the repository's root: PYTHONPATH=src/training python3 test/golden/segmentation_arithmetic.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from pipeline import SIDES, Pipeline

SHAPE = (96, 112, 96)
MODEL = Path("config/models/hippocampus")


def head() -> np.ndarray:
    """RAS, 1 mm: a brain of about 100, a bright ellipsoid in each half, a cap of skin, a lifted background."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    texture = (x * 73 + y * 151 + z * 283) % 17

    def ellipsoid(cx: float, cy: float, cz: float, a: float, b: float, c: float) -> np.ndarray:
        return ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2

    volume = 7.0 + texture % 5
    brain = ellipsoid(47, 55, 50, 40, 48, 40)
    volume = np.where(brain <= 1, 92.0 + texture, volume)
    volume = np.where((brain > 1.1) & (brain <= 1.25), 60.0 + texture, volume)
    volume = np.where(ellipsoid(24, 52, 44, 6, 14, 6) <= 1, 190.0 + texture, volume)
    volume = np.where(ellipsoid(71, 54, 43, 6, 12, 5) <= 1, 190.0 + texture, volume)
    return volume.astype(np.float32)


def small_card() -> dict:
    """The shipped card with a coarse grid that fits the small head; stored in the result, which outlives the card."""
    shipped = json.loads((MODEL / "model-card.json").read_text())
    card = {key: shipped[key] for key in ("formatVersion", "name", "version", "files", "preprocessing", "postprocessing")}
    card["preprocessing"]["coarse"]["shape"] = [32, 32, 32]
    card["preprocessing"]["coarse"]["headBox"]["topToCentreMm"] = 48
    card["preprocessing"]["intracranial"]["scale"] = 1.0
    card["postprocessing"]["threshold"] = 0.7
    return card


class FormulaPipeline(Pipeline):
    def __init__(self) -> None:
        self.card = small_card()
        self.before = self.card["preprocessing"]
        self.threshold = 0.7

    def network(self, stage: str, image: np.ndarray) -> np.ndarray:
        x = np.asarray(image, np.float64)
        if stage == "coarse":
            bright = np.clip((x - 2.2) / 0.8, 0, 1)
            rest = np.clip((x - 0.6) / 0.6, 0, 1) * (1 - bright)
            return np.stack([1 - bright - rest, bright, rest]).astype(np.float32)
        lateral = np.arange(x.shape[0])[:, None, None] / (x.shape[0] - 1)
        front = np.arange(x.shape[1])[None, :, None] / (x.shape[1] - 1)
        whole = np.clip((x - 1) / 1.2, 0, 1) * (0.9 + 0.1 * lateral)
        return np.stack([1 - whole, whole * front, whole * (1 - front)]).astype(np.float32)


def main() -> None:
    pipeline = FormulaPipeline()
    found = pipeline.segment(head())
    golden = {"card": pipeline.card, "midline": found.midline, "intracranialMm3": found.intracranial_mm3}
    for side in SIDES:
        result = getattr(found, side)
        labels = result.labels(pipeline.threshold)
        golden[side] = {
            "coarseCentre": [float(n) for n in found.coarse_centres[side]],
            "start": [int(n) for n in result.start],
            "voxels": int((labels > 0).sum()),
            "sums": [float(part.sum(dtype=np.float64)) for part in result.parts],
            # One line through the middle of the crop along each tensor axis, anterior then posterior.
            "lines": [
                [round(float(n), 6) for n in part[index]]
                for part in result.parts
                for index in ((slice(None), 26, 16), (16, slice(None), 16), (16, 26, slice(None)))
            ],
        }
    path = Path("test/golden/segmentation-arithmetic.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
