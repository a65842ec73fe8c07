"""The one network shape both stages use."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FINE_CHANNELS = (16, 32, 64, 128)
COARSE_CHANNELS = (8, 24, 48, 96)


class ConvolutionPair(nn.Module):
    """Two 3x3x3 convolutions, each instance-normalised; the first one may halve the extent."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.InstanceNorm3d(outputs, affine=True)
        self.second = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.InstanceNorm3d(outputs, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.first_norm(self.first(x)), 0.01)
        return F.leaky_relu(self.second_norm(self.second(x)), 0.01)


class UNet3d(nn.Module):
    """3D U-Net with strided convolutions down and transposed convolutions up.

    Input [n, 1, x, y, z] with extents divisible by 2 ** (levels - 1); output [n, classes, x, y, z] logits.
    """

    def __init__(self, classes: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = tuple(channels)
        steps = list(zip(channels[:-1], channels[1:]))
        self.stem = ConvolutionPair(1, channels[0])
        self.down = nn.ModuleList(ConvolutionPair(a, b, stride=2) for a, b in steps)
        self.up = nn.ModuleList(nn.ConvTranspose3d(b, a, 2, stride=2) for a, b in reversed(steps))
        self.merge = nn.ModuleList(ConvolutionPair(2 * a, a) for a, _ in reversed(steps))
        self.head = nn.Conv3d(channels[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        skipped = []
        for down in self.down:
            skipped.append(x)
            x = down(x)
        for up, merge in zip(self.up, self.merge):
            x = merge(torch.cat([up(x), skipped.pop()], dim=1))
        return self.head(x)


class Probabilities(nn.Module):
    """The network as it is exported: softmax done."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image).softmax(1)
