"""Whole heads on the 4 mm coarse grid: synthetic ones from label maps, and rendered phantoms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from augment import rotation, smooth_field
from data import one_millimetre, read_ras
from grids import BLOCK, COARSE_SHAPE, normalise_coarse
from phantoms import head_files

HELD_OUT_MAPS = ("06", "14", "18")
LOOKS = 8

# FreeSurfer codes; 200 and above are the classes outside the skull.
LEFT_TO_RIGHT = {2: 41, 3: 42, 4: 43, 5: 44, 7: 46, 8: 47, 10: 49, 11: 50, 12: 51, 13: 52, 17: 53, 18: 54,
                 25: 57, 26: 58, 28: 60, 30: 62, 136: 163, 137: 164}  # fmt: skip
WHITE = (2, 7, 16, 28, 85)
GREY = (3, 8, 11, 17, 18, 25, 26)
DEEP = (10, 12, 13)
FLUID = (4, 5, 14, 15, 24, 30, 72)


@dataclass(frozen=True)
class HeadMap:
    """Labels at 1 mm, RAS. `image` is None for a label map, whose intensities are drawn anew each time."""

    name: str
    labels: np.ndarray
    classes: np.ndarray  # label -> 0 outside, 1 hippocampus, 2 rest of the intracranial space
    image: np.ndarray | None = None


def synthseg_classes() -> np.ndarray:
    classes = np.zeros(256, np.uint8)
    classes[1:200] = 2
    classes[[17, 53]] = 1
    return classes


def read_label_maps(folder: Path, held_out: bool) -> list[HeadMap]:
    """SynthSeg label maps; the three of HELD_OUT_MAPS never meet training."""
    maps = []
    for path in sorted(folder.glob("training_seg_*.nii.gz")):
        if (path.name.split(".")[0][-2:] in HELD_OUT_MAPS) == held_out:
            labels, affine = read_ras(path)
            labels, _ = one_millimetre(labels, affine, order=0)
            maps.append(HeadMap(path.name.split(".")[0], labels.astype(np.uint8), synthseg_classes()))
    return maps


def read_phantom(head: Path, labels: Path) -> HeadMap:
    image, affine = read_ras(head)
    truth, truth_affine = read_ras(labels)
    image, _ = one_millimetre(image, affine)
    truth, _ = one_millimetre(truth, truth_affine, order=0)
    classes = np.zeros(256, np.uint8)
    classes[[1, 2, 3, 4]], classes[5] = 1, 2
    return HeadMap(head.name.split(".")[0], truth.astype(np.uint8), classes, image.astype(np.float16))


def read_phantoms(folder: Path, known: set[str], most: int) -> list[HeadMap]:
    """Up to `most` finished phantoms whose names are not in `known`, which is updated."""
    fresh = [pair for pair in head_files(folder) if pair[0].name not in known][:most]
    known.update(head.name for head, _ in fresh)
    return [read_phantom(*pair) for pair in fresh]


def random_contrast(rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of intensity for each label: T1-like nine times of ten, else anything."""
    means = rng.uniform(0, 255, 256)
    if rng.random() < 0.92:
        white = rng.uniform(130, 220)
        grey = white * rng.uniform(0.55, 0.85)
        fluid = grey * rng.uniform(0.1, 0.5)
        for codes, level, spread in ((WHITE, white, 0.03), (GREY, grey, 0.04), (FLUID, fluid, 0.1)):
            means[list(codes)] = level * rng.normal(1, spread, len(codes))
        means[list(DEEP)] = grey + (white - grey) * rng.uniform(0.2, 0.8, len(DEEP))
    spreads = rng.uniform(0, 18, 256)
    for left, right in LEFT_TO_RIGHT.items():
        means[right], spreads[right] = means[left], spreads[left]
    empty = rng.random() < 0.7
    means[0], spreads[0] = (0, rng.uniform(0, 5)) if empty else rng.uniform(0, 22, 2)
    if rng.random() < 0.12:  # brain only, as after skull stripping
        means[200:], spreads[200:] = 0, 0
        means[0], spreads[0] = 0, 0
    return means.astype(np.float32), spreads.astype(np.float32)


def coarse_points(rng: Generator, shape: tuple[int, ...], centre: np.ndarray) -> np.ndarray:
    """Where in the 1 mm head the block centres of a randomly placed, turned and scaled coarse grid lie: [3, n]."""
    axes = [(np.arange(n, dtype=np.float32) - (n - 1) / 2) * BLOCK for n in COARSE_SHAPE]
    points = np.stack(np.meshgrid(*axes, indexing="ij"))
    size = rng.uniform(0.85, 1.15) * rng.uniform(0.94, 1.06, 3)
    shear = rng.uniform(-0.07, 0.07, (3, 3)) * (1 - np.eye(3))
    matrix = rotation(np.radians(rng.uniform(-15, 15, 3))) @ (np.eye(3) + shear) / size
    points = np.tensordot(matrix, points, axes=1)
    nodes = tuple(int(n) for n in rng.integers(4, 10, 3))
    points = points + rng.uniform(0, 4) * smooth_field(rng, nodes, COARSE_SHAPE, 3)
    # The second pass of the pipeline centres on the intracranial space; the first one only roughly.
    jitter = 12 if rng.random() < 0.7 else 35
    where = centre + rng.uniform(-jitter, jitter, 3)
    return (points + where[:, None, None, None]).reshape(3, -1).astype(np.float32)


def look_up(head: HeadMap, points: np.ndarray, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Image and soft classes [3, ...] of the blocks: LOOKS jittered samples a block stand for its mean."""
    shape = np.array(head.labels.shape)[:, None]
    means, spreads = random_contrast(rng)
    image = np.zeros(points.shape[1], np.float32)
    soft = np.zeros((3, points.shape[1]), np.float32)
    order = np.arange(points.shape[1])
    for _ in range(LOOKS):
        at = np.rint(points + rng.uniform(-BLOCK / 2, BLOCK / 2, (3, 1)).astype(np.float32)).astype(np.int32)
        inside = ((at >= 0) & (at < shape)).all(0)
        x, y, z = np.where(inside, at, 0)
        labels = np.where(inside, head.labels[x, y, z], 0)
        if head.image is None:
            noise = rng.standard_normal(labels.size, dtype=np.float32)
            image += means[labels] + spreads[labels] * noise
        else:
            image += np.where(inside, head.image[x, y, z], 0)
        soft[head.classes[labels], order] += 1 / LOOKS
    return image.reshape(COARSE_SHAPE) / LOOKS, soft.reshape(3, *COARSE_SHAPE)


def cut_field_of_view(image: np.ndarray, soft: np.ndarray, rng: Generator) -> None:
    """In place: empties one end of the grid, or everything in front of a slanted plane as defacing does."""
    if rng.random() < 0.5:
        axis, width = int(rng.integers(3)), int(rng.integers(1, 14))
        ends = [slice(None)] * 3
        ends[axis] = slice(0, width) if rng.random() < 0.5 else slice(-width, None)
        image[tuple(ends)] = 0
        return
    y, z = np.meshgrid(np.arange(COARSE_SHAPE[1]), np.arange(COARSE_SHAPE[2]), indexing="ij")
    face = y * 0.6 + (COARSE_SHAPE[2] - z) * 0.8 > rng.uniform(50, 66)
    image[face[None] & (soft[0] > 0.5)] = 0


def coarse_sample(head: HeadMap, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """One training pair: image [1, *COARSE_SHAPE] normalised as in the pipeline, soft classes [3, *COARSE_SHAPE]."""
    inside = np.argwhere(head.classes[head.labels[::4, ::4, ::4]] > 0)
    centre = inside.mean(0) * 4
    image, soft = look_up(head, coarse_points(rng, head.labels.shape, centre), rng)
    if rng.random() < 0.5:
        image, soft = image[::-1].copy(), soft[:, ::-1].copy()
    image = np.clip(image * np.exp(rng.uniform(0, 0.35) * smooth_field(rng, (4, 4, 4), COARSE_SHAPE)[0]), 0, None)
    if rng.random() < 0.25:
        image = ndimage.gaussian_filter(image, rng.uniform(0, 0.8, 3))
    top = image.max() + 1e-6
    image = (image / top) ** np.exp(rng.normal(0, 0.2))
    if rng.random() < 0.4:
        cut_field_of_view(image, soft, rng)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image = np.clip(image + rng.uniform(0, 0.03) * noise, 0, None)
    return normalise_coarse(image)[None].astype(np.float32), soft
