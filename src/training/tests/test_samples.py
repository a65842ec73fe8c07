import numpy as np

from augment import fine_sample, rotation
from data import PADDED_SHAPE
from grids import COARSE_SHAPE
from heads import coarse_sample, random_contrast, read_phantom


def test_the_same_seed_draws_the_same_sample(crop, head_map):
    for draw, source in ((fine_sample, crop), (coarse_sample, head_map)):
        first, second = (draw(source, np.random.default_rng(5)) for _ in range(2))
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])
        assert not np.array_equal(first[0], draw(source, np.random.default_rng(6))[0])


def test_fine_samples_are_normalised_and_their_labels_sum_to_one(crop):
    rng = np.random.default_rng(0)
    true_volume, volumes = (crop.labels > 0).sum(), []
    for _ in range(20):
        image, labels = fine_sample(crop, rng)
        assert image.shape == (1, *PADDED_SHAPE) and labels.shape == (3, *PADDED_SHAPE)
        assert np.isfinite(image).all() and abs(image).max() < 10
        np.testing.assert_allclose(labels.sum(0), 1, atol=1e-5)
        assert labels.min() >= -1e-6
        volumes.append(labels[1:].sum() / true_volume)
    assert 0.3 < min(volumes) and max(volumes) < 2.3


def test_the_labels_stay_on_what_they_label(crop):
    rng = np.random.default_rng(1)
    for _ in range(10):
        image, labels = fine_sample(crop, rng)
        inside = labels[1:].sum(0)
        assert image[0][inside > 0.9].mean() < image[0][(inside < 0.1) & (image[0] != 0)].mean()


def test_coarse_samples_hold_both_hippocampi_inside_the_skull(head_map):
    rng = np.random.default_rng(2)
    for _ in range(3):
        image, classes = coarse_sample(head_map, rng)
        assert image.shape == (1, *COARSE_SHAPE) and np.isfinite(image).all()
        np.testing.assert_allclose(classes.sum(0), 1, atol=1e-4)
        assert classes[1].sum() > 30 and classes[2].sum() > 20 * classes[1].sum()


def test_a_phantom_keeps_its_own_intensities(phantom_folder):
    head = read_phantom(phantom_folder / "head_001.nii.gz", phantom_folder / "head_001_labels.nii.gz")
    assert head.image is not None and set(np.unique(head.classes[head.labels])) == {0, 1, 2}
    image, _ = coarse_sample(head, np.random.default_rng(0))
    assert image.std() > 0.1


def test_left_and_right_share_their_contrast():
    means, spreads = random_contrast(np.random.default_rng(4))
    assert means[17] == means[53] and spreads[17] == spreads[53]


def test_a_rotation_is_a_rotation():
    matrix = rotation(np.array([0.3, -0.2, 0.5]))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) > 0
