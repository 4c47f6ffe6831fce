"""Scores by the protocol that a paper names: COCO, VisDrone-DET or UAVDT."""
from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Union

import numpy as np

from . import _skylift
from ._paths import existing, plain
from .data import Dataset, load_dataset
from .detections import Detections

Truth = Union[str, "os.PathLike[str]", dict, Dataset]
Found = Union[str, "os.PathLike[str]", Sequence[dict], Sequence[Detections], np.ndarray]


class Evaluation:
    """All numbers of an evaluation, 0..1, -1 where undefined. `print(evaluation)` shows the program's table.

    numbers  the keys of `skylift eval --json`: "AP", "AP50", "AP_small", "AR100", "per_class", ...
    curves   "thresholds" [T], "recalls" [R], "precision" and "scores" [T,R,K,A], "recall" [T,K,A,M]: IoU thresholds,
             recall points, classes by ascending id, area ranges (all, small, medium, large), limits of detections;
             empty arrays for a protocol without them
    notes    what a reader of the numbers must know, one sentence each
    """

    def __init__(self, truth: Any, detected: Any, options: Any, notes: Sequence[str] = ()):
        self._truth, self._detected = truth, detected
        text, self._table, more, self.curves = _skylift.evaluate(truth, detected, options)
        self.numbers: dict[str, Any] = json.loads(text)
        self.notes: list[str] = [*notes, *more]

    def __getitem__(self, key: str) -> Any:
        return self.numbers[key]

    @property
    def ap(self) -> float:
        return self.numbers["AP"]

    @property
    def ap50(self) -> float:
        return self.numbers["AP50"]

    @property
    def per_class(self) -> dict[str, dict[str, float]]:
        return self.numbers["per_class"]

    @cached_property
    def errors(self) -> dict[str, Any]:
        """Why AP is lost, by TIDE's definitions at IoU 0.5: {"AP50", "all": {"localisation": {"count", "lost_ap"}}}."""
        return json.loads(_skylift.error_breakdown(self._truth, self._detected))

    def confusion(self, score: float = 0.3) -> tuple[list[str], np.ndarray]:
        """(names, [K+1,K+1] counts by truth and detection) of detections of at least `score`; the last is background."""
        return _skylift.confusions(self._truth, self._detected, score)

    def __str__(self) -> str:
        return self._table

    def __repr__(self) -> str:
        return f"<Evaluation {self.numbers['protocol']}: AP {100 * self.ap:.2f}, AP50 {100 * self.ap50:.2f}>"


def evaluate(gt: Truth, dt: Found, protocol: str | None = None, *, max_dets: Sequence[int] = (),
             class_average: str = "image_weighted", threads: int = 0) -> Evaluation:
    """Scores detections against ground truth.

    gt             a data set (a SPEC, docs/data.md), a Dataset, or a COCO dictionary
    dt             a file of COCO results or a folder of VisDrone's, a list of COCO result dictionaries, a list of
                   Detections parallel to the images, or [N,7] image id, x, y, width, height, score, category id
    protocol       "coco", "visdrone" or "uavdt"; None: the benchmark's own on its own files, else coco
    max_dets       limits of detections an image; none: the protocol's
    class_average  visdrone: "image_weighted" (the toolkit's) or "uniform"

    FileNotFoundError: no such file. TypeError, ValueError: other types or shapes. skylift.Error: files that are
    malformed, images or classes that do not meet.
    """
    truth = _truth(gt)
    options = _skylift.EvalOptions()
    options.protocol = protocol or (truth.format if truth.format in ("visdrone", "uavdt") else "coco")
    options.max_dets, options.class_average, options.threads = list(max_dets), class_average, threads
    notes: list[str] = []
    return Evaluation(truth, _detected(dt, truth, notes), options, notes)


def _in_file(value: Any, read: Any) -> Any:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(value, file, default=plain)
        file.flush()
        return read(file.name)


def _truth(gt: Truth) -> Any:
    if isinstance(gt, Dataset):
        return gt._set
    if isinstance(gt, dict):
        return _in_file(gt, lambda path: _skylift.open_data("format=coco," + path))
    return load_dataset(gt)._set


def _detected(dt: Found, truth: Any, notes: list[str]) -> Any:
    if isinstance(dt, np.ndarray):
        return _from_rows(dt, truth)
    if isinstance(dt, (list, tuple)):
        if not dt:  # of whatever kind: a model that found nothing
            return _from_rows(np.zeros((0, 7)), truth)
        if all(isinstance(one, Detections) for one in dt):
            return _from_detections(dt, truth, notes)
        if not all(isinstance(one, dict) for one in dt):
            raise TypeError("dt: expected COCO result dictionaries, or Detections for each image")
        return _in_file(list(dt), lambda path: _read(path, truth, notes))
    return _read(existing(dt), truth, notes)


def _read(path: str, truth: Any, notes: list[str]) -> Any:
    found, said = _skylift.read_detections(path, truth)
    notes.extend(note.replace(path, "dt") for note in said)
    return found


def _places(values: np.ndarray, known: np.ndarray, what: str) -> np.ndarray:
    """Where each value stands in `known`."""
    order = np.argsort(known, kind="stable")
    found = np.searchsorted(known, values, sorter=order)
    places = order[np.minimum(found, len(known) - 1)] if len(known) else np.zeros(len(values), dtype=np.int64)
    wrong = np.nonzero(known[places] != values)[0] if len(known) else np.arange(len(values))
    if len(wrong):
        raise ValueError(f"dt: row {wrong[0]} has {what} {values[wrong[0]]}, which the ground truth does not")
    return places.astype(np.int64)


def _from_rows(rows: np.ndarray, truth: Any) -> Any:
    if rows.ndim != 2 or rows.shape[1] != 7:
        raise ValueError(f"dt: got shape {rows.shape}, expected (N, 7): image id, x, y, width, height, score, category id")
    rows = rows.astype(np.float64)
    if len(wrong := np.nonzero(~np.isfinite(rows).all(1) | (rows[:, [0, 6]] % 1 != 0).any(1))[0]):
        raise ValueError(f"dt: row {wrong[0]} is {rows[wrong[0]].tolist()}, expected finite numbers and whole ids")
    images = _places(rows[:, 0].astype(np.int64), truth.ids(), "image id")
    labels = _places(rows[:, 6].astype(np.int64), np.array(truth.class_ids, dtype=np.int64), "category id")
    return _skylift.detected(truth, images, np.ascontiguousarray(rows[:, 1:5]), np.ascontiguousarray(rows[:, 5]), labels)


def _from_detections(found: Sequence[Detections], truth: Any, notes: list[str]) -> Any:
    if len(found) != len(truth):
        raise ValueError(f"dt: got Detections of {len(found)} images, the ground truth has {len(truth)}")
    place = {name: label for label, name in enumerate(truth.classes)}
    images = np.repeat(np.arange(len(found), dtype=np.int64), [len(one) for one in found])
    xyxy = np.concatenate([np.zeros((0, 4)), *(one.xyxy for one in found)])
    scores = np.concatenate([np.zeros(0), *(one.scores for one in found)])
    labels = np.array([place.get(name, -1) for one in found for name in one.names], dtype=np.int64)
    boxes = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    known = labels >= 0  # as for the program, classes meet by name
    if not known.all():
        unknown = ", ".join(sorted({f"'{name}'" for one in found for name in one.names if name not in place}))
        if not known.any():
            raise _skylift.Error(f"dt: no class in common: it has detections of {unknown}, the ground truth names {', '.join(truth.classes)}")
        notes.append(f"{np.count_nonzero(~known)} detections are not scored, of classes that the ground truth does not have: {unknown}")
    return _skylift.detected(truth, images[known], boxes[known], scores[known], labels[known])
