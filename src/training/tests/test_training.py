import numpy as np
import torch

from export_onnx import export, load_averaged
from losses import dice_and_entropy, soft_dice
from network import UNet3d
from train_coarse import CoarseBatches
from train_coarse import validation_line as coarse_line
from train_fine import FineBatches, validation_line
from phantoms import PhantomCrops
from training_loop import Schedule, Trainer, run


def small_trainer(steps: int) -> Trainer:
    torch.manual_seed(0)
    return Trainer(UNet3d(3, (4, 8)), Schedule(None, steps), seed=1)


def loss(logits, labels):
    return dice_and_entropy(logits, labels, (1, 2))


def test_a_perfect_answer_has_dice_one_also_for_soft_labels():
    labels = torch.softmax(torch.randn(2, 3, 4, 4, 4), 1)
    assert torch.allclose(soft_dice(labels, labels), torch.ones(3), atol=1e-3)


def test_a_weight_on_a_class_raises_its_part_of_the_loss():
    labels = torch.zeros(1, 3, 2, 2, 2)
    labels[:, 1] = 1
    logits = torch.zeros(1, 3, 2, 2, 2)
    assert dice_and_entropy(logits, labels, (1,), (1.0, 5.0, 1.0)) > dice_and_entropy(logits, labels, (1,)) + 4


def test_training_resumed_from_a_checkpoint_equals_training_in_one_go(crop, tmp_path):
    batches = FineBatches([crop], PhantomCrops(None))
    whole = small_trainer(4)
    for _ in range(4):
        whole.train_step(batches, loss)
    first = small_trainer(4)
    for _ in range(2):
        first.train_step(batches, loss)
    first.save(tmp_path / "fine.pt")
    second = small_trainer(4)
    second.restore(tmp_path / "fine.pt")
    for _ in range(2):
        second.train_step(batches, loss)
    for a, b in zip(whole.averaged.parameters(), second.averaged.parameters()):
        assert torch.equal(a, b)
    assert second.step == 4


def test_a_run_lowers_the_loss_and_writes_a_checkpoint_that_exports(crop, tmp_path):
    batches = FineBatches([crop], PhantomCrops(None))
    trainer = small_trainer(12)
    before = trainer.train_step(batches, loss)
    run(trainer, batches, loss, tmp_path / "fine.pt", lambda network: validation_line(network, [crop]))
    assert trainer.train_step(batches, loss) < before
    network = load_averaged(tmp_path / "fine.pt")
    assert export(network, (16, 16, 16), tmp_path / "fine.onnx") < 1e-4


def test_the_learning_rate_warms_up_and_falls_to_almost_nothing():
    schedule = Schedule(minutes=None, steps=100)
    rates = [schedule.learning_rate(p) for p in (0, 0.05, 0.5, 1)]
    assert rates[0] < rates[1] > rates[2] > rates[3] > 0
    assert schedule.progress(seconds=9e9, step=50) == 0.5
    assert Schedule(minutes=1, steps=None).progress(seconds=30, step=0) == 0.5


def test_coarse_batches_take_up_phantoms_and_are_judged_on_held_out_maps(head_map, phantom_folder):
    batches = CoarseBatches([head_map], phantom_folder)
    image, labels = batches(np.random.default_rng(0))
    assert image.shape[:2] == (1, 1) and labels.shape[:2] == (1, 3)
    assert len(batches.phantoms) == 1
    assert coarse_line(UNet3d(3, (4, 8)), [head_map]).startswith("validation")
