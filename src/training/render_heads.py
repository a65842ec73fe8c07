"""Renders 1 mm heads from the label maps that training never saw, with their labels: the test of the coarse stage."""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.random import Generator
from scipy import ndimage

from augment import rotation, smooth_field
from heads import HeadMap, random_contrast, read_label_maps

MARGIN = 8


def render(head: HeadMap, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Image float32 and labels uint8: turned up to 10 degrees, T1-like, blurred by half a voxel, biased, noisy."""
    shape = tuple(n + 2 * MARGIN for n in head.labels.shape)
    matrix = rotation(np.radians(rng.uniform(-10, 10, 3))) / rng.uniform(0.92, 1.08)
    centre = (np.array(head.labels.shape) - 1) / 2
    offset = centre - matrix @ ((np.array(shape) - 1) / 2)
    labels = ndimage.affine_transform(head.labels, matrix, offset, output_shape=shape, order=0)
    means, spreads = random_contrast(rng)
    image = means[labels] + spreads[labels] * rng.standard_normal(shape, dtype=np.float32)
    image = ndimage.gaussian_filter(image, 0.6) * np.exp(0.12 * smooth_field(rng, (4, 4, 4), shape)[0])
    noise = 0.02 * means.max() * rng.standard_normal(shape, dtype=np.float32)
    return np.clip(image + noise, 0, None).astype(np.float32), labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with synthseg_labels/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=4, help="heads a map")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(arguments.seed)
    for head in read_label_maps(arguments.data / "synthseg_labels", held_out=True):
        for n in range(arguments.each):
            image, labels = render(head, rng)
            stem = arguments.out / f"head_{head.name[-2:]}-{n}"
            nib.save(nib.Nifti1Image(image, np.eye(4)), f"{stem}.nii.gz")
            nib.save(nib.Nifti1Image(labels, np.eye(4)), f"{stem}_labels.nii.gz")


if __name__ == "__main__":
    main()
