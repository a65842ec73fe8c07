"""Whole head -> both hippocampi: the reference of what the server does, in the numbers of model-card.json.

Arrays are [x, y, z] in RAS at 1 mm unless a name says otherwise; positions are voxel indices of that grid.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
from scipy import ndimage

from data import cut_box, normalise_crop
from grids import round_half_up

TOUCHING = ndimage.generate_binary_structure(3, 3)  # 26 neighbours
SIDES = ("left", "right")


class NoHippocampus(Exception):
    """The coarse or the fine stage found nothing on one side."""


@dataclass(frozen=True)
class Side:
    """One hippocampus: probabilities [2, x, y, z] (anterior, posterior) in the box that begins at `start`."""

    start: np.ndarray
    parts: np.ndarray
    runs: int

    def labels(self, threshold: float) -> np.ndarray:
        """0 background, 1 anterior, 2 posterior: the largest component at or above the threshold."""
        body = largest_component(self.parts.sum(0) >= threshold)
        return np.where(body, np.where(self.parts[0] >= self.parts[1], 1, 2), 0).astype(np.uint8)


@dataclass(frozen=True)
class Found:
    left: Side
    right: Side
    midline: float
    coarse_centres: dict[str, np.ndarray] = field(default_factory=dict)
    intracranial_mm3: float = 0.0


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest 26-connected component; of equals the first in scan order; empty stays empty."""
    labels, count = ndimage.label(mask, TOUCHING)
    if count == 0:
        return mask
    return labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))


def block_means(volume: np.ndarray, start: np.ndarray, shape: tuple[int, ...], block: int) -> np.ndarray:
    """Means over block^3 voxels from voxel `start` on; voxels outside the volume count as 0."""
    box = cut_box(volume, start, tuple(n * block for n in shape))
    x, y, z = shape
    return box.reshape(x, block, y, block, z, block).mean((1, 3, 5), dtype=np.float64)


class Pipeline:
    """Both networks and the card that says how to feed them."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.folder = folder
        self.card = json.loads((folder / "model-card.json").read_text())
        self.before = self.card["preprocessing"]
        self.threshold = float(self.card["postprocessing"]["threshold"])
        check_digests(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.sessions = {
            stage: onnxruntime.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])
            for stage, name in self.card["files"].items()
        }

    def network(self, stage: str, image: np.ndarray) -> np.ndarray:
        """[x, y, z] -> probabilities [3, x, y, z]."""
        feed = {"image": np.ascontiguousarray(image, dtype=np.float32)[None, None]}
        return self.sessions[stage].run(["prob"], feed)[0][0]

    def segment(self, volume: np.ndarray) -> Found:
        """Throws NoHippocampus. `volume` is a whole head at 1 mm, RAS."""
        shifted = self.shift(volume)
        start, p = self.coarse_passes(shifted)
        block = self.before["coarse"]["blockVoxels"]
        midline, centres = self.coarse_centres(p[1], p[1] + p[2])
        # Block centres lie half a voxel off the whole-number index of the 1 mm grid.
        to_voxels = lambda c: start + (c + 0.5) * block - 0.5  # noqa: E731
        centres = {side: to_voxels(c) for side, c in centres.items()}
        left, right = (self.refine(shifted, centres[side], side) for side in SIDES)
        return Found(left, right, float(to_voxels(midline)[0]), centres, self.intracranial_volume(p[1] + p[2]))

    def shift(self, volume: np.ndarray) -> np.ndarray:
        """Takes the dark end of the head to 0, so that 'outside' may be 0 too."""
        block = self.before["coarse"]["blockVoxels"]
        whole = tuple(n // block for n in volume.shape)
        means = block_means(volume, np.zeros(3, int), whole, block)
        low = np.percentile(means, self.before["shift"]["lowPercentile"])
        return np.maximum(volume - low, 0).astype(np.float32)

    def head_box(self, volume: np.ndarray) -> np.ndarray:
        """First voxel of the first coarse grid: below the top of the head, wherever the neck ends."""
        rule, block = self.before["coarse"]["headBox"], self.before["coarse"]["blockVoxels"]
        means = block_means(volume, np.zeros(3, int), tuple(-(-n // block) for n in volume.shape), block)
        foreground = means > rule["foregroundOfHigh"] * np.percentile(means, rule["highPercentile"])
        area = foreground.sum((0, 1)) * block**2
        layers = np.flatnonzero(area >= rule["minSliceAreaMm2"])
        if layers.size == 0:
            layers = np.flatnonzero(area)
        if layers.size == 0:
            raise NoHippocampus("the image is empty")
        top = (int(layers[-1]) + 1) * block
        first = max(0, (top - rule["topDepthMm"]) // block)
        columns = np.argwhere(foreground[:, :, first : int(layers[-1]) + 1])[:, :2]
        middle = (columns.mean(0) + 0.5) * block
        centre = np.array([*middle, top - rule["topToCentreMm"]])
        return round_half_up(centre - np.array(self.before["coarse"]["shape"]) * block / 2)

    def coarse_passes(self, volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Start of the last coarse grid and its probabilities [3, x, y, z]."""
        coarse = self.before["coarse"]
        block, shape = coarse["blockVoxels"], tuple(coarse["shape"])
        start = self.head_box(volume)
        for last in range(1, coarse["passes"] + 1):
            p = self.network("coarse", self.normalise_coarse(block_means(volume, start, shape, block)))
            if last < coarse["passes"]:
                centre = centroid(p[1] + p[2])
                start = round_half_up(start + (centre + 0.5) * block - np.array(shape) * block / 2)
        return start, p

    def normalise_coarse(self, blocks: np.ndarray) -> np.ndarray:
        rule = self.before["coarse"]["intensity"]
        foreground = blocks[blocks > rule["foregroundOfMean"] * blocks.mean()]
        high = np.percentile(foreground, rule["highPercentile"]) if foreground.size else 1.0
        return (np.clip(blocks / (high + 1e-6), *rule["clip"]) - rule["subtract"]) / rule["divide"]

    def coarse_centres(self, hippocampus: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Centroid of the intracranial space, and of the hippocampus on each side of it, in blocks."""
        rule, block = self.before["sides"], self.before["coarse"]["blockVoxels"]
        middle = centroid(inside)
        x = np.arange(hippocampus.shape[0]) - middle[0]
        gap = rule["gapMm"] / block
        centres = {}
        for side, here in (("left", x < -gap), ("right", x > gap)):
            p = hippocampus * here[:, None, None]
            if p.max() < rule["minProbability"]:
                raise NoHippocampus(f"no hippocampus on the {side}")
            labels, count = ndimage.label(p > max(rule["minProbability"], rule["ofPeak"] * p.max()), TOUCHING)
            if count == 0:
                raise NoHippocampus(f"no hippocampus on the {side}")
            mass = ndimage.sum_labels(p, labels, range(1, count + 1))
            centres[side] = centroid(p * (labels == 1 + int(np.argmax(mass))))
        return middle, centres

    def intracranial_volume(self, inside: np.ndarray) -> float:
        """mm3: probabilities summed over the largest component, one block wider than its half-way surface."""
        body = ndimage.binary_dilation(largest_component(inside > 0.5))
        scale = self.before["intracranial"]["scale"]
        return float((inside * body).sum() * self.before["coarse"]["blockVoxels"] ** 3 * scale)

    def refine(self, volume: np.ndarray, centre: np.ndarray, side: str) -> Side:
        """Cuts, segments, and cuts again around what was found, until the box stays."""
        fine = self.before["fine"]
        start, runs = self.crop_start(centre, side), 0
        while True:
            parts = self.segment_crop(cut_box(volume, start, tuple(fine["cropShape"])))
            runs += 1
            body = largest_component(parts.sum(0) > fine["recentreThreshold"])
            if not body.any():
                raise NoHippocampus(f"no hippocampus on the {side}")
            moved = self.crop_start(start + centroid(body), side)
            if runs == fine["maxRuns"] or (moved == start).all():
                return Side(start, parts, runs)
            start = moved

    def crop_start(self, centre: np.ndarray, side: str) -> np.ndarray:
        fine = self.before["fine"]
        away = fine["centreOffsetVoxels"]
        medial = away["medial"] if side == "left" else -away["medial"]
        offset = np.array([medial, away["anterior"], away["superior"]])
        return round_half_up(centre + offset - (np.array(fine["cropShape"]) - 1) / 2)

    def segment_crop(self, crop: np.ndarray, inside: np.ndarray | None = None) -> np.ndarray:
        """Raw crop -> [2, x, y, z]: anterior and posterior, averaged over the image and its mirror image.

        `inside` marks the voxels that have an intensity at all; in a whole head the server counts every voxel.
        """
        fine = self.before["fine"]
        values = normalise_crop(crop, inside, fine["clipPercentiles"])
        sides = [(o, p - c - o) for o, p, c in zip(fine["padOffset"], fine["paddedShape"], fine["cropShape"])]
        padded = np.pad(values, sides)
        both = (self.network("fine", padded) + self.network("fine", padded[::-1])[:, ::-1]) / 2
        inner = tuple(slice(o, o + c) for o, c in zip(fine["padOffset"], fine["cropShape"]))
        return both[(slice(1, 3), *inner)]


def centroid(weights: np.ndarray) -> np.ndarray:
    """Centre of mass in indices."""
    return np.array(ndimage.center_of_mass(weights.astype(np.float64)))


def check_digests(folder: Path) -> None:
    """Refuses a network whose bytes are not those of SHA256SUMS."""
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{name} is not the file of SHA256SUMS")
