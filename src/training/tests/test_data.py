import json

import numpy as np
import pytest

from data import CROP_SHAPE, PADDED_SHAPE, cut_box, normalise_crop, one_millimetre, pad_crop, read_split
from phantoms import PhantomCrops


def test_a_box_that_leaves_the_volume_is_filled():
    data = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    box = cut_box(data, np.array([-1, 0, 2]), (2, 3, 2), fill=-5)
    assert (box[0] == -5).all() and (box[..., 1] == -5).all()
    assert (box[1, :, 0] == data[0, :, 2]).all()
    assert (cut_box(data, np.array([9, 9, 9]), (2, 2, 2), fill=1) == 1).all()


def test_voxels_outside_take_no_part_in_the_normalisation():
    rng = np.random.default_rng(0)
    crop = rng.normal(50, 5, (10, 10, 10)).astype(np.float32)
    inside = np.ones(crop.shape, bool)
    inside[:3] = False
    crop[:3] = 1e6
    scored = normalise_crop(crop, inside)
    assert (scored[:3] == 0).all()
    assert abs(scored[3:].mean()) < 1e-4 and abs(scored[3:].std() - 1) < 1e-3


def test_normalisation_does_not_depend_on_scale_or_offset():
    crop = np.random.default_rng(0).normal(0, 1, (8, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(normalise_crop(crop), normalise_crop(crop * 900 + 4000), atol=1e-3)


def test_padding_keeps_the_crop_in_its_place():
    padded = pad_crop(np.ones((2, *CROP_SHAPE), np.float32))
    assert padded.shape == (2, *PADDED_SHAPE)
    assert padded.sum() == 2 * np.prod(CROP_SHAPE)
    assert padded[:, 2, 2, 2].all() and not padded[:, 1].any()


def test_a_split_that_parts_a_person_is_refused(tmp_path):
    (tmp_path / "split.json").write_text(json.dumps({"train": [1, 4], "val": [2]}))
    with pytest.raises(ValueError, match="one person"):
        read_split(tmp_path)


def test_resampling_to_one_millimetre_keeps_volume():
    data = np.zeros((40, 40, 20), np.float32)
    data[10:30, 10:30, 5:15] = 1
    out, grid = one_millimetre(data, np.diag([0.8, 0.8, 2.0, 1.0]))
    assert (grid[:3, :3] == np.eye(3)).all()
    assert out.sum() == pytest.approx(data.sum() * 0.8 * 0.8 * 2, rel=0.02)


def test_both_sides_of_a_phantom_look_like_left_hippocampi(phantom_folder):
    phantoms = PhantomCrops(phantom_folder)
    assert phantoms.look_again() == 2
    assert phantoms.look_again() == 2
    for crop in phantoms.crops:
        anterior, posterior = (np.argwhere(crop.labels == c).mean(0) for c in (1, 2))
        assert anterior[1] > posterior[1], "anterior is at high y"
        outer, inner = crop.image[:14].mean(), crop.image[-14:].mean()
        assert inner > outer, "medial is at high x: the outside of the head is on the other end"


def test_a_folder_that_does_not_exist_yet_holds_no_phantoms(tmp_path):
    assert PhantomCrops(tmp_path / "later").look_again() == 0
    assert PhantomCrops(None).look_again() == 0
