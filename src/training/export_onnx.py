"""Writes the averaged weights of a checkpoint as one ONNX file and checks it against PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from data import PADDED_SHAPE
from grids import COARSE_SHAPE
from network import Probabilities, UNet3d

SHAPES = {"fine": PADDED_SHAPE, "coarse": COARSE_SHAPE}
MOST_BYTES = 8 * 2**20
TOLERANCE = 1e-4


def load_averaged(checkpoint: Path) -> UNet3d:
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = UNet3d(3, tuple(state["channels"]))
    network.load_state_dict(state["averaged"])
    return network.eval()


def export(network: UNet3d, shape: tuple[int, int, int], out: Path) -> float:
    """Returns the largest difference between ONNX Runtime and PyTorch; more than TOLERANCE is an error."""
    module = Probabilities(network).eval()
    image = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, *shape), dtype=np.float32))
    axes = {0: "n", 2: "x", 3: "y", 4: "z"}
    torch.onnx.export(
        module, (image,), str(out), input_names=["image"], output_names=["prob"],
        opset_version=17, dynamo=False, dynamic_axes={"image": axes, "prob": axes},
    )  # fmt: skip
    onnx.checker.check_model(str(out), full_check=True)
    if out.stat().st_size > MOST_BYTES:
        raise ValueError(f"{out.name} is larger than 8 MiB")
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    answer = session.run(["prob"], {"image": image.numpy()})[0]
    with torch.no_grad():
        difference = float(np.abs(answer - module(image).numpy()).max())
    if difference > TOLERANCE:
        raise ValueError(f"ONNX differs from PyTorch by {difference}")
    return difference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=sorted(SHAPES))
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file")
    arguments = parser.parse_args()
    difference = export(load_averaged(arguments.checkpoint), SHAPES[arguments.stage], arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, differs by {difference:.1e}")


if __name__ == "__main__":
    main()
