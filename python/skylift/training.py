"""Training, plain or under a teacher, and export."""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Optional

from . import _skylift
from ._paths import existing, plain
from .runs import Run

Progress = Optional[Callable[[str, int, int, str], Any]]


def recipes() -> list[str]:
    """The names of the recipes that `train` and `distill` take as a config."""
    return list(_skylift.recipes())


def _assignments(options: Mapping[str, Any], overrides: Mapping[str, Any]) -> list[str]:
    named = {**options, **{key.replace("__", "."): value for key, value in overrides.items()}}
    # JSON's texts, numbers and lists are TOML too, but for its pairs of escapes beyond the BMP.
    return [f"{key}={json.dumps(value, ensure_ascii=False, default=plain)}" for key, value in named.items()]


def _call(config: Any, out: Any, data: Any, options: Mapping[str, Any], overrides: Mapping[str, Any], resume: bool,
          keep_lifting: bool) -> Any:
    call = _skylift.TrainingCall()
    call.config = "" if config is None else os.fspath(config)
    call.folder = os.fspath(out)
    call.data = "" if data is None else existing(data)
    call.assignments = _assignments(options, overrides)
    call.resume, call.keep_lifting = resume, keep_lifting
    return call


def train(config: str | os.PathLike[str] | None = "lite0_plain", *, out: str | os.PathLike[str],
          data: str | os.PathLike[str] | None = None, options: Mapping[str, Any] = {}, resume: bool = False,
          keep_lifting: bool = False, progress: Progress = None, **overrides: Any) -> Run:
    """Trains a detector without a teacher into the folder `out`, as `skylift train` does.

    config     a TOML file, the name of a recipe, or None: no recipe, each option's own default
    data       a folder or data.yaml with train and val, over the config's data
    options    {"train.epochs": 3} over the config; the same as keywords: train__epochs=3
    resume     go on with the run in `out` exactly where it stopped
    progress   called with (task, done, total, note), a task being "train", "evaluate", ...; what it raises stops the
               run and is raised here

    KeyboardInterrupt (Ctrl-C, a notebook's stop) ends the run after the step it is in, with its state saved: `resume`
    goes on. A second one meanwhile ends the process. skylift.Error: options that do not fit, a folder that holds a
    run, sets without objects.
    """
    _skylift.train(_call(config, out, data, options, overrides, resume, keep_lifting), progress)
    return Run(out)


def distill(config: str | os.PathLike[str] | None = "lite0_student", *, teacher: str | os.PathLike[str], out: str | os.PathLike[str],
            method: str | None = None, student: str | os.PathLike[str] | None = None,
            data: str | os.PathLike[str] | None = None, options: Mapping[str, Any] = {}, resume: bool = False,
            keep_lifting: bool = False, progress: Progress = None, **overrides: Any) -> Run:
    """Trains a student under a teacher, as `skylift distill` does; the rest as `train`.

    teacher  a model file that training wrote, an ONNX file of any detector, or detections of the training images
    method   what is distilled, "cid" or "ld,pkd", over the config's kd.methods (docs/methods.md)
    student  a model file to start from
    """
    chosen = {} if method is None else {"kd.methods": method.split(",")}
    call = _call(config, out, data, {**chosen, **options}, overrides, resume, keep_lifting)
    call.teacher = existing(teacher)
    if student is not None:
        call.student = existing(student)
    _skylift.train(call, progress)
    return Run(out)


def export_onnx(model: str | os.PathLike[str], out: str | os.PathLike[str], *, size: tuple[int, int] | None = None,
                batch: int = 0, precision: str = "fp32", decoded: bool = False,
                score_threshold: float | None = None, max_detections: int | None = None) -> None:
    """Writes a model as ONNX for other runtimes (docs/deploy.md). `skylift export` also checks the file against its
    source.

    size       width, height (px) of the network's input; None: any multiples of 32
    batch      images that go through together; 0: any number
    precision  "fp32" or "fp16"
    decoded    boxes with NMS in the graph, not raw maps; score_threshold and max_detections are then, where they are
               not given, as in the model's training
    """
    if precision not in ("fp32", "fp16"):
        raise ValueError(f"precision: got '{precision}', expected fp32 or fp16")
    if not 0 <= (score_threshold or 0) <= 1 or (max_detections is not None and max_detections < 1):
        raise ValueError(f"score_threshold, max_detections: got {score_threshold}, {max_detections}, expected 0 to 1 and at least 1")
    call = _skylift.ExportCall()
    call.model, call.out = existing(model), os.fspath(out)
    call.width, call.height = size or (0, 0)
    call.batch, call.half, call.decoded = batch, precision == "fp16", decoded
    call.score_threshold, call.max_detections = score_threshold, max_detections
    _skylift.export_onnx(call)
