"""Trains the fine stage: anterior and posterior hippocampus in 1 mm crops."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from augment import fine_sample
from data import CROP_SHAPE, LabelledCrop, cut_box, normalise_crop, pad_crop, read_decathlon, read_split
from losses import dice_and_entropy
from network import FINE_CHANNELS, UNet3d
from phantoms import PhantomCrops
from training_loop import run, start, training_arguments

PHANTOM_SHARE = 0.3
BATCH = 2


class FineBatches:
    """Random pairs; PHANTOM_SHARE of them phantoms as soon as there are any."""

    def __init__(self, crops: list[LabelledCrop], phantoms: PhantomCrops) -> None:
        self.crops = crops
        self.phantoms = phantoms
        self.drawn = 0

    def __call__(self, rng: Generator) -> tuple[Tensor, Tensor]:
        if self.drawn % 50 == 0:
            self.phantoms.look_again()
        self.drawn += 1
        pairs = [fine_sample(self.choose(rng), rng) for _ in range(BATCH)]
        images, labels = (torch.from_numpy(np.stack(part)) for part in zip(*pairs))
        return images, labels

    def choose(self, rng: Generator) -> LabelledCrop:
        phantom = rng.random() < PHANTOM_SHARE and len(self.phantoms.crops) > 0
        pool = self.phantoms.crops if phantom else self.crops
        return pool[rng.integers(len(pool))]


def centred_pair(crop: LabelledCrop) -> tuple[np.ndarray, np.ndarray]:
    """The middle CROP_SHAPE of a crop, normalised and padded, and its labels cut and padded alike."""
    start_voxel = np.array([(n - c) // 2 for n, c in zip(crop.image.shape, CROP_SHAPE)])
    inside = cut_box(np.ones(crop.image.shape, bool), start_voxel, CROP_SHAPE, False)
    image = normalise_crop(cut_box(crop.image, start_voxel, CROP_SHAPE), inside)
    return pad_crop(image), pad_crop(cut_box(crop.labels, start_voxel, CROP_SHAPE))


def validation_line(network: nn.Module, crops: list[LabelledCrop]) -> str:
    """Mean Dice anterior / posterior / whole and the volume error of the 0.5 threshold; no flip averaging."""
    rows = []
    with torch.no_grad():
        for crop in crops:
            image, labels = centred_pair(crop)
            device = next(network.parameters()).device
            p = network(torch.from_numpy(image)[None, None].to(device)).softmax(1)[0].cpu().numpy()
            found, whole = p.argmax(0), p[1:].sum(0) > 0.5
            dice = [2 * ((found == c) & (labels == c)).sum() / max(1, (found == c).sum() + (labels == c).sum()) for c in (1, 2)]
            dice.append(2 * (whole & (labels > 0)).sum() / max(1, whole.sum() + (labels > 0).sum()))
            rows.append([*dice, whole.sum() / max(1, (crop.labels > 0).sum()) - 1])
    return "validation " + " ".join(f"{v:.4f}" for v in np.mean(rows, 0))


def main() -> None:
    arguments = training_arguments(__doc__).parse_args()
    root = arguments.data / "msd"
    split = read_split(root)
    batches = FineBatches(read_decathlon(root, split["train"]), PhantomCrops(arguments.phantoms))
    held_out = read_decathlon(root, split["val"])
    trainer, checkpoint = start(arguments, lambda: UNet3d(3, FINE_CHANNELS), "fine")
    run(
        trainer,
        batches,
        lambda logits, labels: dice_and_entropy(logits, labels, (1, 2)),
        checkpoint,
        lambda network: validation_line(network, held_out),
    )


if __name__ == "__main__":
    main()
