"""Heads made by test/phantom/render.ts: head_XXX.nii.gz, head_XXX_labels.nii.gz, truth.json."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from data import CROP_SHAPE, LabelledCrop, cut_box, one_millimetre, read_ras

LEFT, RIGHT = (1, 2), (3, 4)
INTRACRANIAL = (1, 2, 3, 4, 5)
MARGIN = 10


def head_files(folder: Path) -> list[tuple[Path, Path]]:
    """Finished pairs of (head, labels), by name; empty while the folder does not exist."""
    if not folder.is_dir():
        return []
    pairs = [(p, p.with_name(p.name.replace(".nii.gz", "_labels.nii.gz"))) for p in sorted(folder.glob("head_*.nii.gz"))]
    return [(head, labels) for head, labels in pairs if not head.name.endswith("_labels.nii.gz") and labels.exists()]


def crops_of_head(head: Path, labels: Path) -> list[LabelledCrop]:
    """Both hippocampi of one head at 1 mm, with room around CROP_SHAPE so that turned crops stay filled.

    The right one is mirrored: every crop looks like the decathlon's, a left hippocampus with medial = +x.
    """
    image, affine = read_ras(head)
    truth, truth_affine = read_ras(labels)
    image, _ = one_millimetre(image, affine)
    parts = {value: one_millimetre((truth == value).astype(np.float32), truth_affine)[0] for value in (*LEFT, *RIGHT)}
    crops = []
    for side, values in (("left", LEFT), ("right", RIGHT)):
        anterior, posterior = (parts[v] for v in values)
        whole = anterior + posterior
        if not (whole > 0.5).any():
            continue
        medial = 2 if side == "left" else -2
        centre = np.array(ndimage.center_of_mass(whole)) + (medial, -1, 2)
        shape = tuple(n + 2 * MARGIN for n in CROP_SHAPE)
        start = np.floor(centre - (np.array(shape) - 1) / 2 + 0.5).astype(int)
        box = cut_box(image, start, shape)
        label = np.zeros(shape, np.uint8)
        a, p = cut_box(anterior, start, shape), cut_box(posterior, start, shape)
        inside = a + p > 0.5
        label[inside & (a >= p)] = 1
        label[inside & (a < p)] = 2
        if side == "right":
            box, label = box[::-1].copy(), label[::-1].copy()
        crops.append(LabelledCrop(f"{head.name.split('.')[0]}-{side}", box, label))
    return crops


class PhantomCrops:
    """Crops of a folder of phantoms; the folder may appear or grow while training runs."""

    def __init__(self, folder: Path | None, limit: int = 120) -> None:
        self.folder = folder
        self.limit = limit
        self.crops: list[LabelledCrop] = []
        self._seen: set[str] = set()

    def look_again(self, most: int = 8) -> int:
        """Reads up to `most` heads not read before; returns how many crops there are now."""
        if self.folder is None:
            return 0
        for head, labels in head_files(self.folder):
            if most == 0 or len(self._seen) >= self.limit:
                break
            if head.name in self._seen:
                continue
            self._seen.add(head.name)
            self.crops += crops_of_head(head, labels)
            most -= 1
        return len(self.crops)
