"""Losses over soft labels: logits and labels are [n, c, x, y, z]; labels sum to 1 over c."""

from __future__ import annotations

import torch
from torch import Tensor


def soft_dice(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Dice of each class over the whole batch, [c]. Reaches 1 for a perfect answer also on soft labels."""
    axes = (0, 2, 3, 4)
    wrong = (probabilities - labels).abs().sum(axes)
    total = probabilities.sum(axes) + labels.sum(axes)
    return 1 - (wrong + 1e-3) / (total + 1)


def dice_and_entropy(logits: Tensor, labels: Tensor, dice_classes: tuple[int, ...]) -> Tensor:
    """Cross-entropy, unweighted so that probabilities (and volumes) stay unbiased, plus 1 - mean Dice."""
    log_p = torch.log_softmax(logits, 1)
    entropy = -(labels * log_p).sum(1).mean()
    dice = soft_dice(log_p.exp(), labels)
    return entropy + 1 - dice[list(dice_classes)].mean()
