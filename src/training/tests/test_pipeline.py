"""The pipeline's arithmetic with made-up networks: the left stays left, boxes move, empty heads are refused."""

import json

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

import grids
import model_card
from calibrate import best_threshold
from conftest import ellipsoid
from data import CLIP_PERCENTILES, CROP_SHAPE, PAD_OFFSET, PADDED_SHAPE
from evaluate import MODEL, crop_cases, evaluate_crops, evaluate_heads
from metrics import compare, summary, surface_distance_95
from pipeline import NoHippocampus, Pipeline, check_digests, largest_component


class BrightnessNetworks(Pipeline):
    """Calls hippocampus what is darker than its surroundings by far; no ONNX file needed."""

    def __init__(self) -> None:
        self.card = json.loads((MODEL / "model-card.json").read_text())
        self.before, self.threshold = self.card["preprocessing"], 0.5

    def network(self, stage: str, image: np.ndarray) -> np.ndarray:
        p = np.zeros((3, *image.shape))
        if stage == "coarse":
            inside = ndimage.binary_fill_holes(image > -0.3)
            p[1] = inside & (image < 0.9) & (image > 0.35) & ndimage.binary_erosion(inside, iterations=2)
            p[2] = inside & (p[1] == 0)
        else:
            body = image < -0.8
            p[1], p[2] = 0.6 * body, 0.3 * body
        p[0] = 1 - p[1] - p[2]
        return p


@pytest.fixture
def head():
    """RAS: the left hippocampus (small x) is the smaller one."""
    shape = (150, 180, 190)
    image = np.zeros(shape, np.float32)
    image[ellipsoid(shape, (75, 90, 110), (65, 80, 70))] = 200
    image[ellipsoid(shape, (48, 90, 95), (7, 15, 8))] = 110
    image[ellipsoid(shape, (102, 90, 95), (9, 17, 9))] = 110
    return image


def test_each_side_is_found_where_it_lies(head):
    found = BrightnessNetworks().segment(head)
    left, right = (np.argwhere(s.labels(0.5) > 0).mean(0) + s.start for s in (found.left, found.right))
    np.testing.assert_allclose(left, (48, 90, 95), atol=1)
    np.testing.assert_allclose(right, (102, 90, 95), atol=1)
    assert (found.left.labels(0.5) > 0).sum() < (found.right.labels(0.5) > 0).sum()
    assert found.midline == pytest.approx(75, abs=2)
    assert found.intracranial_mm3 == pytest.approx((head > 0).sum(), rel=0.06)


def test_a_mirrored_head_gives_the_mirrored_answer(head):
    pipeline = BrightnessNetworks()
    plain, mirrored = pipeline.segment(head), pipeline.segment(head[::-1].copy())
    volume = lambda side: int((side.labels(0.5) > 0).sum())  # noqa: E731
    assert volume(plain.left) == pytest.approx(volume(mirrored.right), rel=0.01)
    assert volume(plain.right) == pytest.approx(volume(mirrored.left), rel=0.01)


def test_a_long_neck_does_not_move_the_first_grid(head):
    pipeline = BrightnessNetworks()
    longer = np.concatenate([np.zeros((150, 180, 80), np.float32), head], axis=2)
    longer[50:100, 60:120, 0:120] = 150
    moved = pipeline.head_box(longer) - pipeline.head_box(head)
    assert abs(moved - (0, 0, 80)).max() <= 3


def test_an_empty_head_is_refused():
    with pytest.raises(NoHippocampus):
        BrightnessNetworks().segment(np.zeros((60, 60, 60), np.float32))


def test_the_largest_component_wins_and_corners_connect():
    mask = np.zeros((6, 6, 6), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[5, 5, 5] = True
    assert largest_component(mask).sum() == 2
    assert not largest_component(np.zeros((2, 2, 2), bool)).any()


def test_the_card_says_what_training_does():
    before = json.loads((MODEL / "model-card.json").read_text())["preprocessing"]
    fine, coarse = before["fine"], before["coarse"]
    assert (tuple(fine["cropShape"]), tuple(fine["paddedShape"])) == (CROP_SHAPE, PADDED_SHAPE)
    assert (tuple(fine["padOffset"]), tuple(fine["clipPercentiles"])) == (PAD_OFFSET, CLIP_PERCENTILES)
    assert (tuple(coarse["shape"]), coarse["blockVoxels"]) == (grids.COARSE_SHAPE, grids.BLOCK)
    blocks = np.random.default_rng(0).uniform(0, 300, (6, 6, 6))
    np.testing.assert_allclose(BrightnessNetworks().normalise_coarse(blocks), grids.normalise_coarse(blocks))


def test_the_released_networks_run_and_their_digests_hold():
    pipeline = Pipeline(MODEL)
    for stage, shape in (("fine", PADDED_SHAPE), ("coarse", grids.COARSE_SHAPE)):
        p = pipeline.network(stage, np.zeros(shape))
        assert p.shape == (3, *shape)
        np.testing.assert_allclose(p.sum(0), 1, atol=1e-4)


def test_a_changed_network_is_refused(tmp_path):
    (tmp_path / "fine.onnx").write_bytes(b"one")
    model_card.write_digests(tmp_path, ["fine.onnx"])
    check_digests(tmp_path)
    (tmp_path / "fine.onnx").write_bytes(b"two")
    with pytest.raises(ValueError, match="SHA256SUMS"):
        check_digests(tmp_path)


def test_crops_are_judged_against_their_labels(crop, tmp_path):
    for folder, data in (("images", crop.image), ("labels", crop.labels)):
        (tmp_path / folder).mkdir()
        nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / folder / "hippocampus_007.nii.gz")
    result = evaluate_crops(BrightnessNetworks(), tmp_path / "images", tmp_path / "labels", [7])
    assert result["summary"]["cases"] == 1 and result["summary"]["diceWhole"] > 0.95
    assert list(crop_cases(BrightnessNetworks(), tmp_path / "images", tmp_path / "labels", [8])) == []


def test_heads_are_judged_and_failures_named(head, tmp_path):
    labels = np.where(head == 200, 2, 0).astype(np.uint8)
    labels[(head == 110) & (np.arange(150)[:, None, None] < 75)] = 17
    labels[(head == 110) & (np.arange(150)[:, None, None] > 75)] = 53
    for name, image in (("head_1", head), ("head_2", head * 0)):
        nib.save(nib.Nifti1Image(image, np.eye(4)), tmp_path / f"{name}.nii.gz")
        nib.save(nib.Nifti1Image(labels, np.eye(4)), tmp_path / f"{name}_labels.nii.gz")
    result = evaluate_heads(BrightnessNetworks(), tmp_path)
    assert result["summary"]["diceWhole"] > 0.9 and result["summary"]["heads"] == 1
    assert [f["name"] for f in result["failures"]] == ["head_2"]


def test_metrics_of_a_shifted_cube():
    truth = np.zeros((20, 20, 20), np.uint8)
    truth[5:15, 5:15, 5:15] = 1
    found = np.roll(truth, 2, axis=0)
    row = compare(found, truth)
    assert row["diceWhole"] == pytest.approx(0.8)
    assert row["volumeError"] == 0
    assert surface_distance_95(found > 0, truth > 0) == pytest.approx(2, abs=0.01)
    assert surface_distance_95(found > 0, truth > 9) == float("inf")
    assert summary([row])["cases"] == 1 and summary([]) == {"cases": 0}


def test_the_threshold_is_fair_to_the_worse_group():
    count = len(np.arange(0.3, 0.91, 0.02))
    falling = np.linspace(0.3, -0.3, count)
    assert best_threshold([falling, falling + 0.1]) > best_threshold([falling, falling])
