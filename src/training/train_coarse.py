"""Trains the coarse stage: hippocampus (both sides) and the rest of the intracranial space at 4 mm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from heads import HeadMap, coarse_sample, read_label_maps, read_phantoms
from losses import dice_and_entropy
from network import COARSE_CHANNELS, UNet3d
from training_loop import run, start, training_arguments

PHANTOM_SHARE = 0.3
MOST_PHANTOMS = 40
# The hippocampus is 1 block in 2000: unweighted it isn't found for a long time. It does not touch the outside, so
# its weight leaves the border of the intracranial space alone.
WEIGHTS = (1.0, 12.0, 1.0)


class CoarseBatches:
    """One random head a step; PHANTOM_SHARE of them phantoms as soon as there are any."""

    def __init__(self, maps: list[HeadMap], folder: Path | None) -> None:
        self.maps = maps
        self.folder = folder
        self.phantoms: list[HeadMap] = []
        self.known: set[str] = set()
        self.drawn = 0

    def __call__(self, rng: Generator) -> tuple[Tensor, Tensor]:
        if self.folder is not None and self.drawn % 50 == 0 and len(self.phantoms) < MOST_PHANTOMS:
            self.phantoms += read_phantoms(self.folder, self.known, 6)
        self.drawn += 1
        phantom = rng.random() < PHANTOM_SHARE and len(self.phantoms) > 0
        pool = self.phantoms if phantom else self.maps
        image, labels = coarse_sample(pool[rng.integers(len(pool))], rng)
        return torch.from_numpy(image)[None], torch.from_numpy(labels)[None]


def validation_line(network: nn.Module, maps: list[HeadMap]) -> str:
    """Soft Dice of the hippocampus and the error of the intracranial volume on held-out maps, the same heads each time."""
    rng = np.random.default_rng(99)
    rows = []
    with torch.no_grad():
        device = next(network.parameters()).device
        for head in maps * 3:
            image, labels = coarse_sample(head, rng)
            p = network(torch.from_numpy(image)[None].to(device)).softmax(1)[0].cpu().numpy()
            dice = 2 * np.minimum(p[1], labels[1]).sum() / (p[1] + labels[1]).sum()
            rows.append([dice, p[1:].sum() / labels[1:].sum() - 1])
    return "validation " + " ".join(f"{v:.4f}" for v in np.mean(rows, 0))


def main() -> None:
    arguments = training_arguments(__doc__).parse_args()
    maps = arguments.data / "synthseg_labels"
    batches = CoarseBatches(read_label_maps(maps, held_out=False), arguments.phantoms)
    held_out = read_label_maps(maps, held_out=True)
    trainer, checkpoint = start(arguments, lambda: UNet3d(3, COARSE_CHANNELS), "coarse")
    run(
        trainer,
        batches,
        lambda logits, labels: dice_and_entropy(logits, labels, (1, 2), WEIGHTS),
        checkpoint,
        lambda network: validation_line(network, held_out),
    )


if __name__ == "__main__":
    main()
