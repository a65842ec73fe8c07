"""What both stages share: a schedule over minutes or steps, averaged weights, checkpoints that resume exactly."""

from __future__ import annotations

import argparse
import copy
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

BatchSource = Callable[[Generator], tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass
class Schedule:
    """Ends after `minutes` of training time over all resumptions, or after `steps` (repeatable to the bit)."""

    minutes: float | None
    steps: int | None
    rate: float = 3e-3
    decay: float = 0.9
    warm_up: float = 0.03

    def progress(self, seconds: float, step: int) -> float:
        by_time = seconds / (self.minutes * 60) if self.minutes else 0.0
        by_step = step / self.steps if self.steps else 0.0
        return max(by_time, by_step)

    def learning_rate(self, progress: float) -> float:
        done = min(max(progress, 0.0), 1.0)
        return self.rate * min(1.0, (done + 1e-3) / self.warm_up) * (1 - done) ** self.decay + 1e-6


class Trainer:
    """Owns the network, its running average, the optimiser, the clock and the random state."""

    def __init__(self, network: nn.Module, schedule: Schedule, seed: int, averaging: float = 0.996) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device, memory_format=torch.channels_last_3d)
        self.averaged = copy.deepcopy(self.network).eval()
        self.optimiser = torch.optim.AdamW(self.network.parameters(), schedule.rate, weight_decay=1e-4)
        self.schedule = schedule
        self.rng = np.random.default_rng(seed)
        self.averaging = averaging
        self.step = 0
        self.seconds = 0.0

    @property
    def progress(self) -> float:
        return self.schedule.progress(self.seconds, self.step)

    def train_step(self, batch: BatchSource, loss: Loss) -> float:
        started = time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.learning_rate(self.progress)
        image, labels = (t.to(self.device) for t in batch(self.rng))
        value = loss(self.network(image.contiguous(memory_format=torch.channels_last_3d)), labels)
        self.optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        # A short memory at first: the average must not carry the random start along.
        keep = min(self.averaging, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for average, current in zip(self.averaged.parameters(), self.network.parameters()):
                average.lerp_(current, 1 - keep)
        self.seconds += time.monotonic() - started
        return float(value.detach())

    def save(self, path: Path) -> None:
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.rng.bit_generator.state,
            "step": self.step,
            "seconds": self.seconds,
            "channels": self.network.channels,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, path)

    def restore(self, path: Path) -> None:
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.bit_generator.state = state["random"]
        self.step = state["step"]
        self.seconds = state["seconds"]


def run(
    trainer: Trainer,
    batch: BatchSource,
    loss: Loss,
    checkpoint: Path,
    validate: Callable[[nn.Module], str],
    validate_every: float = 300.0,
) -> None:
    """Trains until the schedule ends; saves and validates every `validate_every` seconds of training time."""
    due = trainer.seconds + validate_every
    losses: list[float] = []
    while trainer.progress < 1:
        losses.append(trainer.train_step(batch, loss))
        if trainer.step % 50 == 0:
            print(f"{trainer.seconds:.0f} s  step {trainer.step}  loss {np.mean(losses):.4f}", flush=True)
            losses.clear()
        if trainer.seconds >= due:
            due += validate_every
            trainer.save(checkpoint)
            print(f"{trainer.seconds:.0f} s  step {trainer.step}  {validate(trainer.averaged)}", flush=True)
    trainer.save(checkpoint)
    print(f"end: {trainer.seconds:.0f} s  step {trainer.step}  {validate(trainer.averaged)}", flush=True)


def training_arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder with msd/ and synthseg_labels/")
    parser.add_argument("--phantoms", type=Path, help="folder of rendered phantom heads; may appear later")
    parser.add_argument("--minutes", type=float, help="training time over all resumptions")
    parser.add_argument("--steps", type=int, help="or a number of steps: repeatable to the bit")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint when there is one")
    return parser


def start(arguments: argparse.Namespace, build: Callable[[], nn.Module], name: str) -> tuple[Trainer, Path]:
    """Seeds, builds, and restores when asked."""
    if arguments.minutes is None and arguments.steps is None:
        raise SystemExit("give --minutes or --steps")
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    checkpoint = arguments.out / f"{name}.pt"
    trainer = Trainer(build(), Schedule(arguments.minutes, arguments.steps), arguments.seed)
    if arguments.resume and checkpoint.exists():
        trainer.restore(checkpoint)
        print(f"resumed at step {trainer.step}, {trainer.seconds:.0f} s", flush=True)
    return trainer, checkpoint
