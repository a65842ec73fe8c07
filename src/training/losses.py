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


def dice_and_entropy(
    logits: Tensor, labels: Tensor, dice_classes: tuple[int, ...], weights: tuple[float, ...] | None = None
) -> Tensor:
    """Cross-entropy plus 1 - mean Dice of `dice_classes`.

    Without `weights` probabilities, and so volumes, stay unbiased; a weight on a class biases its borders outwards.
    """
    log_p = torch.log_softmax(logits, 1)
    each = -(labels * log_p)
    if weights is not None:
        each = each * torch.tensor(weights, device=each.device).view(1, -1, 1, 1, 1)
    dice = soft_dice(log_p.exp(), labels)
    return each.sum(1).mean() + 1 - dice[list(dice_classes)].mean()
