"""Small made-up anatomy for the tests."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from data import LabelledCrop
from heads import HeadMap, synthseg_classes


def ellipsoid(shape, centre, radii):
    grid = np.indices(shape).transpose(1, 2, 3, 0)
    return (((grid - np.array(centre)) / np.array(radii)) ** 2).sum(-1) <= 1


@pytest.fixture
def crop() -> LabelledCrop:
    """A dark ellipsoid, front half anterior, in a brighter noisy block of a usual decathlon size."""
    shape = (35, 50, 36)
    body = ellipsoid(shape, (15, 26, 16), (7, 16, 8))
    front = np.arange(shape[1])[None, :, None] >= 26
    labels = np.where(body, np.where(front, 1, 2), 0).astype(np.uint8)
    image = 100.0 - 40 * body + np.random.default_rng(3).normal(0, 2, shape)
    return LabelledCrop("made-up", image.astype(np.float32), labels)


@pytest.fixture
def head_map() -> HeadMap:
    """FreeSurfer codes: skull 210, white matter 2, one hippocampus a side."""
    shape = (120, 140, 120)
    labels = np.zeros(shape, np.uint8)
    labels[ellipsoid(shape, (60, 70, 60), (56, 66, 56))] = 210
    labels[ellipsoid(shape, (60, 70, 60), (50, 60, 50))] = 2
    labels[ellipsoid(shape, (35, 70, 50), (8, 18, 8))] = 17
    labels[ellipsoid(shape, (85, 70, 50), (8, 18, 8))] = 53
    return HeadMap("made-up", labels, synthseg_classes())


@pytest.fixture
def phantom_folder(tmp_path):
    """One head as test/phantom/render.ts writes it: LPS axes in memory, so an RAS affine with negative x and y."""
    shape = (100, 120, 90)
    labels = np.zeros(shape, np.uint8)
    labels[ellipsoid(shape, (50, 60, 45), (45, 55, 40))] = 5
    for x, anterior, posterior in ((75, 1, 2), (25, 3, 4)):
        body = ellipsoid(shape, (x, 60, 40), (7, 16, 8))
        back = np.arange(shape[1])[None, :, None] >= 60
        labels[body & ~back], labels[body & back] = anterior, posterior
    image = np.where(labels == 0, 0, np.where(labels == 5, 120, 80)).astype(np.float32)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    nib.save(nib.Nifti1Image(image, affine), tmp_path / "head_001.nii.gz")
    nib.save(nib.Nifti1Image(labels, affine), tmp_path / "head_001_labels.nii.gz")
    return tmp_path
