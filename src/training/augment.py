"""Random changes to crops, all driven by one numpy generator so that a run can be repeated and resumed."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from scipy import ndimage
from torch.nn import functional as F

from data import CROP_SHAPE, PADDED_SHAPE, LabelledCrop, normalise_crop, pad_crop

SCALE_RANGE = (0.75, 1.2)
ROTATION_DEGREES = 15.0
JITTER_VOXELS = 5.0


def smooth_field(rng: Generator, nodes: tuple[int, ...], shape: tuple[int, ...], channels: int = 1) -> np.ndarray:
    """Gaussian noise on a few nodes, interpolated to `shape`: [channels, *shape], about unit variance at nodes."""
    noise = torch.from_numpy(rng.standard_normal((1, channels, *nodes), dtype=np.float32))
    return F.interpolate(noise, size=shape, mode="trilinear", align_corners=True)[0].numpy()


def rotation(angles: np.ndarray) -> np.ndarray:
    """Rotation about x, then y, then z (radians), as a 3x3 matrix."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def sampling_points(rng: Generator, source_shape: tuple[int, ...], jitter: float = JITTER_VOXELS) -> np.ndarray:
    """Where in the source (voxels) each voxel of a random CROP_SHAPE box lies: [3, x, y, z].

    The box is centred on the source's centre give or take `jitter`, because the server's coarse centre is not exact.
    """
    axes = [np.arange(n, dtype=np.float32) - (n - 1) / 2 for n in CROP_SHAPE]
    points = np.stack(np.meshgrid(*axes, indexing="ij"))
    if rng.random() < 0.85:
        # A point of the output is a smaller step in the source where the anatomy is to look larger.
        size = rng.uniform(*SCALE_RANGE) * rng.uniform(0.93, 1.07, 3)
        angles = np.radians(rng.uniform(-ROTATION_DEGREES, ROTATION_DEGREES, 3))
        points = np.tensordot(rotation(angles) / size, points, axes=1)
    if rng.random() < 0.5:
        nodes = tuple(int(n) for n in rng.integers(4, 8, 3))
        points = points + rng.uniform(0.3, 1.8) * smooth_field(rng, nodes, CROP_SHAPE, 3)
    centre = (np.array(source_shape) - 1) / 2 + rng.uniform(-jitter, jitter, 3)
    return (points + centre[:, None, None, None]).astype(np.float32)


def sample_at(data: np.ndarray, points: np.ndarray, padding: str) -> np.ndarray:
    """Trilinear samples of [c, x, y, z] at voxel positions [3, x', y', z']."""
    extent = np.array(data.shape[1:], dtype=np.float32).reshape(3, 1, 1, 1)
    scaled = points * (2 / (extent - 1)) - 1
    grid = torch.from_numpy(np.ascontiguousarray(scaled[::-1].transpose(1, 2, 3, 0)))[None]
    volume = torch.from_numpy(np.ascontiguousarray(data, dtype=np.float32))[None]
    return F.grid_sample(volume, grid, padding_mode=padding, align_corners=True)[0].numpy()


def change_intensities(image: np.ndarray, rng: Generator) -> np.ndarray:
    """Gamma, bias field, blur along one axis or all, noise; image in units of its own standard deviation."""
    if rng.random() < 0.4:
        low, high = image.min(), image.max()
        share = (image - low) / (high - low + 1e-6)
        image = low + (high - low) * share ** np.exp(rng.normal(0, 0.25))
    if rng.random() < 0.3:
        bias = np.exp(rng.uniform(0.05, 0.25) * smooth_field(rng, (3, 3, 3), image.shape)[0])
        image = (image - image.min()) * bias
    if rng.random() < 0.25:
        sigma = rng.uniform(0, 0.9, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(0.2, 0.8))
        image = ndimage.gaussian_filter(image, sigma)
    if rng.random() < 0.35:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + rng.uniform(0.02, 0.3) * image.std() * noise
    return image


def fine_sample(crop: LabelledCrop, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """One training pair: image [1, *PADDED_SHAPE], soft labels [3, *PADDED_SHAPE] (they sum to 1)."""
    points = sampling_points(rng, crop.image.shape)
    # Decathlon crops end where the server's crop goes on: half of the time the edge is carried on,
    # half of the time the outside is empty, so that the network relies on neither.
    padding = "border" if rng.random() < 0.5 else "zeros"
    spread = float(crop.image.std()) + 1e-6
    image = sample_at((crop.image[None] - crop.image.min()) / spread, points, padding)[0]
    onehot = np.stack([crop.labels == c for c in (1, 2)]).astype(np.float32)
    parts = sample_at(onehot, points, "zeros")
    inside = None
    if padding == "zeros":
        extent = np.array(crop.image.shape).reshape(3, 1, 1, 1)
        inside = ((points >= 0) & (points <= extent - 1)).all(0)
    image = normalise_crop(change_intensities(image, rng), inside)
    if rng.random() < 0.5:
        image, parts = image[::-1], parts[:, ::-1]
    padded_parts = pad_crop(parts)
    labels = np.concatenate([1 - padded_parts.sum(0, keepdims=True), padded_parts])
    return pad_crop(np.ascontiguousarray(image))[None], labels.astype(np.float32)
