"""Finds the threshold at which volumes are right on average, and writes it into the model card.

Two groups are looked at apart, because a threshold that suits only one of them would hide that training did not
balance them: decathlon crops held out of training, and rendered heads with other seeds than those of training.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from evaluate import MODEL, Case, crop_cases, head_cases
from model_card import write_digests
from pipeline import Pipeline

THRESHOLDS = [round(t, 2) for t in np.arange(0.3, 0.91, 0.02)]


def mean_errors(cases: list[Case]) -> np.ndarray:
    """Mean signed volume error at each of THRESHOLDS."""
    return np.array([np.mean([case.row(t)["volumeError"] for case in cases]) for t in THRESHOLDS])


def best_threshold(groups: list[np.ndarray]) -> float:
    """Where the worst of the groups' mean errors is smallest."""
    worst = np.abs(np.stack(groups)).max(0)
    return THRESHOLDS[int(np.argmin(worst))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--msd", type=Path, required=True, help="folder with images/, labels/ and split.json")
    parser.add_argument("--heads", type=Path, required=True, help="phantoms not used in training")
    arguments = parser.parse_args()
    pipeline = Pipeline(arguments.model)
    ids = json.loads((arguments.msd / "split.json").read_text())["val"]
    crops = list(crop_cases(pipeline, arguments.msd / "images", arguments.msd / "labels", ids))
    heads = [case for cases, _ in head_cases(pipeline, arguments.heads, []) for case in cases]
    groups = [mean_errors(crops), mean_errors(heads)]
    for threshold, *errors in zip(THRESHOLDS, *groups):
        print(f"{threshold:.2f}  crops {errors[0]:+.4f}  heads {errors[1]:+.4f}")
    pipeline.card["postprocessing"]["threshold"] = best_threshold(groups)
    (arguments.model / "model-card.json").write_text(json.dumps(pipeline.card, indent=2) + "\n")
    write_digests(arguments.model, [*pipeline.card["files"].values(), "model-card.json"])
    print("threshold", pipeline.card["postprocessing"]["threshold"])


if __name__ == "__main__":
    main()
