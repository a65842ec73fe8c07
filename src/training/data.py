"""Reading volumes and cutting boxes. Arrays are [x, y, z] in RAS: x to the Right, y Anterior, z Superior."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

CROP_SHAPE = (36, 52, 36)
PADDED_SHAPE = (40, 56, 40)
PAD_OFFSET = (2, 2, 2)
CLIP_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class LabelledCrop:
    """One hippocampus: intensities float32 and labels uint8 (0 background, 1 anterior, 2 posterior), 1 mm."""

    name: str
    image: np.ndarray
    labels: np.ndarray


def read_ras(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns a volume in the closest RAS axis order as float32, with its 4x4 RAS affine."""
    image = nib.as_closest_canonical(nib.load(path))
    data = np.asarray(image.dataobj, dtype=np.float32)
    return (data[..., 0] if data.ndim == 4 else data), image.affine


def read_split(root: Path) -> dict[str, list[int]]:
    """The fixed split of the decathlon crops: {'train': [...], 'val': [...]}.

    Ids 2k-1 and 2k are the two sides of one person; a split that parts them is refused.
    """
    split = json.loads((root / "split.json").read_text())
    people = {part: {(i + 1) // 2 for i in ids} for part, ids in split.items() if part in ("train", "val")}
    if people["train"] & people["val"]:
        raise ValueError("the split parts the two sides of one person")
    return split


def read_decathlon(root: Path, ids: list[int]) -> list[LabelledCrop]:
    crops = []
    for i in ids:
        name = f"hippocampus_{i:03d}"
        image, _ = read_ras(root / "images" / f"{name}.nii.gz")
        labels, _ = read_ras(root / "labels" / f"{name}.nii.gz")
        crops.append(LabelledCrop(name, image, labels.astype(np.uint8)))
    return crops


def one_millimetre(data: np.ndarray, affine: np.ndarray, order: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Resamples onto a 1 mm grid whose axes are exactly RAS and that covers the whole source.

    With order 1 the source is smoothed first where it is finer than 1 mm; with order 0 (labels) it is not.
    """
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in data.shape], indexing="ij")).reshape(3, -1)
    world = affine[:3, :3] @ corners + affine[:3, 3:]
    low, high = world.min(1), world.max(1)
    shape = tuple(int(n) for n in np.floor(high - low + 1e-3) + 1)
    grid = np.eye(4)
    grid[:3, 3] = low
    step = np.linalg.inv(affine) @ grid
    if order == 1:
        spacing = np.sqrt((affine[:3, :3] ** 2).sum(0))
        sigma = [0.42 * np.sqrt(max(0.0, (1 / s) ** 2 - 1)) for s in spacing]
        if max(sigma) > 0.1:
            data = ndimage.gaussian_filter(data, sigma)
    if np.allclose(step[:3, :3], np.eye(3), atol=1e-4) and np.allclose(step[:3, 3], 0, atol=1e-3):
        return data[: shape[0], : shape[1], : shape[2]], grid
    out = ndimage.affine_transform(data, step[:3, :3], step[:3, 3], output_shape=shape, order=order, cval=0)
    return out, grid


def cut_box(data: np.ndarray, start: np.ndarray, shape: tuple[int, int, int], fill: float = 0) -> np.ndarray:
    """The box [start, start + shape) of `data`; voxels outside are `fill`. `start` may be negative."""
    box = np.full(shape, fill, dtype=data.dtype)
    source, target = [], []
    for axis in range(3):
        first = int(start[axis])
        low, high = max(first, 0), min(first + shape[axis], data.shape[axis])
        if high <= low:
            return box
        source.append(slice(low, high))
        target.append(slice(low - first, high - first))
    box[tuple(target)] = data[tuple(source)]
    return box


def normalise_crop(
    crop: np.ndarray, inside: np.ndarray | None = None, percentiles: tuple[float, float] = CLIP_PERCENTILES
) -> np.ndarray:
    """Clips to percentiles and z-scores. Voxels where `inside` is False take no part and become 0."""
    values = crop if inside is None else crop[inside]
    if values.size == 0:
        return np.zeros(crop.shape, np.float32)
    low, high = np.percentile(values, percentiles)
    clipped = np.clip(crop.astype(np.float64), low, high)
    values = clipped if inside is None else clipped[inside]
    scored = (clipped - values.mean()) / (values.std() + 1e-6)
    if inside is not None:
        scored[~inside] = 0
    return scored.astype(np.float32)


def pad_crop(crop: np.ndarray) -> np.ndarray:
    """CROP_SHAPE -> PADDED_SHAPE with zeros, the last three axes."""
    lead = [(0, 0)] * (crop.ndim - 3)
    sides = [(o, p - c - o) for o, p, c in zip(PAD_OFFSET, PADDED_SHAPE, CROP_SHAPE)]
    return np.pad(crop, lead + sides)
