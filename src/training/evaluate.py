"""Judges the ONNX files with the pipeline's own pre- and post-processing.

--images with --labels: decathlon-style crops (equal names in both folders; labels 1 anterior, 2 posterior).
--heads: whole heads X.nii.gz beside X_labels.nii.gz; labels of the phantoms (1, 2 left, 3, 4 right, 5 rest of the
intracranial space) or FreeSurfer codes (17 left, 53 right).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data import cut_box, one_millimetre, read_ras
from metrics import compare, summary
from phantoms import head_files
from pipeline import SIDES, NoHippocampus, Pipeline, Side, centroid, largest_component

MODEL = Path(__file__).resolve().parents[2] / "config" / "models" / "hippocampus"
FREESURFER = {"left": 17, "right": 53}
PHANTOM = {"left": (1, 2), "right": (3, 4)}


@dataclass(frozen=True)
class Case:
    """One hippocampus: what was found in its box and the truth in the same box."""

    name: str
    side: Side
    truth: np.ndarray
    true_voxels: int
    seconds: float

    def row(self, threshold: float) -> dict[str, float | str]:
        measured = compare(self.side.labels(threshold), self.truth)
        # The box may cut the truth off; the volume it is judged by is the whole one.
        measured["trueVolumeMm3"] = self.true_voxels
        measured["volumeError"] = measured["volumeMm3"] / self.true_voxels - 1
        return {"name": self.name, **measured}


def segment_alone(pipeline: Pipeline, crop: np.ndarray) -> Side:
    """The fine stage on a crop that comes without its head: starts in its middle, then re-centres like the server.

    Voxels outside the crop take no part in the normalisation: in a head there would be anatomy.
    """
    fine = pipeline.before["fine"]
    shape = tuple(fine["cropShape"])
    start = np.array([(n - c) // 2 for n, c in zip(crop.shape, shape)])
    whole = np.ones(crop.shape, bool)
    for run in range(1, fine["maxRuns"] + 1):
        parts = pipeline.segment_crop(cut_box(crop, start, shape), cut_box(whole, start, shape, False))
        body = largest_component(parts.sum(0) > fine["recentreThreshold"])
        if not body.any():
            raise NoHippocampus("no hippocampus in the crop")
        moved = pipeline.crop_start(start + centroid(body), "left")
        if (moved == start).all() or run == fine["maxRuns"]:
            break
        start = moved
    return Side(start, parts, run)


def crop_cases(pipeline: Pipeline, images: Path, labels: Path, ids: list[int] | None) -> Iterator[Case]:
    for path in sorted(images.glob("*.nii*")):
        if ids is not None and int(path.name.split(".")[0].split("_")[-1]) not in ids:
            continue
        if not (labels / path.name).exists():
            continue
        image, truth = read_ras(path)[0], read_ras(labels / path.name)[0].astype(np.uint8)
        started = time.perf_counter()
        side = segment_alone(pipeline, image)
        seconds = time.perf_counter() - started
        box = cut_box(truth, side.start, side.parts.shape[1:])
        yield Case(path.name.split(".")[0], side, box, int((truth > 0).sum()), seconds)


def truth_of(labels: np.ndarray, side: str) -> np.ndarray:
    """0, 1, 2 for one side. FreeSurfer codes know no parts: the whole counts as anterior there."""
    if FREESURFER["left"] in labels and FREESURFER["right"] in labels:
        return (labels == FREESURFER[side]).astype(np.uint8)
    anterior, posterior = PHANTOM[side]
    return np.where(labels == anterior, 1, np.where(labels == posterior, 2, 0)).astype(np.uint8)


def intracranial_voxels(labels: np.ndarray) -> int:
    """FreeSurfer codes below 200 are inside the skull (200 and above: the classes outside it)."""
    freesurfer = FREESURFER["left"] in labels
    return int(((labels > 0) & (labels < 200)).sum()) if freesurfer else int((labels > 0).sum())


def head_cases(pipeline: Pipeline, folder: Path, failures: list[dict]) -> Iterator[tuple[list[Case], dict]]:
    """Both sides of each head with what is known of the whole: intracranial volume, distance of the coarse centres."""
    for path, label_path in head_files(folder):
        volume = one_millimetre(*read_ras(path))[0]
        labels = one_millimetre(*read_ras(label_path), order=0)[0].astype(np.uint8)
        name = path.name.split(".")[0]
        started = time.perf_counter()
        try:
            found = pipeline.segment(volume)
        except NoHippocampus as reason:
            failures.append({"name": name, "reason": str(reason)})
            continue
        seconds = time.perf_counter() - started
        cases, away = [], {}
        for side in SIDES:
            truth, part = truth_of(labels, side), getattr(found, side)
            away[side] = float(np.linalg.norm(found.coarse_centres[side] - centroid(truth > 0)))
            box = cut_box(truth, part.start, part.parts.shape[1:])
            cases.append(Case(f"{name} {side}", part, box, int((truth > 0).sum()), seconds))
        inside = intracranial_voxels(labels)
        yield cases, {
            "name": name,
            "seconds": round(seconds, 2),
            "coarseDistanceMm": {side: round(d, 1) for side, d in away.items()},
            "intracranialError": round(found.intracranial_mm3 / inside - 1, 4),
        }


def evaluate_crops(pipeline: Pipeline, images: Path, labels: Path, ids: list[int] | None) -> dict:
    cases = list(crop_cases(pipeline, images, labels, ids))
    rows = [case.row(pipeline.threshold) for case in cases]
    return {"summary": summary(rows), "cases": rows}


def evaluate_heads(pipeline: Pipeline, folder: Path) -> dict:
    failures: list[dict] = []
    rows, heads = [], []
    for cases, about in head_cases(pipeline, folder, failures):
        rows += [case.row(pipeline.threshold) for case in cases]
        heads.append(about)
    total = summary(rows) | {"heads": len(heads), "failures": len(failures)}
    if heads:
        errors = np.array([h["intracranialError"] for h in heads])
        total["intracranialErrorSigned"] = round(float(errors.mean()), 4)
        total["intracranialErrorAbsolute"] = round(float(np.abs(errors).mean()), 4)
        total["coarseDistanceWorstMm"] = max(max(h["coarseDistanceMm"].values()) for h in heads)
    return {"summary": total, "heads": heads, "cases": rows, "failures": failures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--split", type=Path, help="split.json: judge only its part named by --part")
    parser.add_argument("--part", default="val")
    parser.add_argument("--heads", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pipeline = Pipeline(arguments.model, arguments.threads)
    result: dict = {"model": {key: pipeline.card[key] for key in ("name", "version")}, "threshold": pipeline.threshold}
    if arguments.images and arguments.labels:
        ids = json.loads(arguments.split.read_text())[arguments.part] if arguments.split else None
        result["crops"] = evaluate_crops(pipeline, arguments.images, arguments.labels, ids)
    if arguments.heads:
        result["heads"] = evaluate_heads(pipeline, arguments.heads)
    for part in ("crops", "heads"):
        if part in result:
            print(part, json.dumps(result[part]["summary"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
