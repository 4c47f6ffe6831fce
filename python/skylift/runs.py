"""What a training run left in its folder."""
from __future__ import annotations

import json
import os
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _skylift
from ._paths import existing

if TYPE_CHECKING:
    import pandas


class Run:
    """A run's folder, read anew at each question, so that a run under way can be watched.

    FileNotFoundError: no such folder; skylift.Error: it holds no run, or a damaged one.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = pathlib.Path(existing(path))
        self.record  # what is no run is refused at once

    @property
    def record(self) -> dict[str, Any]:
        """run.json: state, step, best_ap, machine, code, ... A run whose process has gone is "interrupted"."""
        return json.loads(_skylift.run_record(self.path))

    @property
    def state(self) -> str:
        """running, done, interrupted or diverged."""
        return self.record["state"]

    @property
    def options(self) -> dict[str, str]:
        """All options by key, as text."""
        return dict(_skylift.run_options(self.path))

    @property
    def model(self) -> pathlib.Path:
        """best.safetensors, or last.safetensors where there is no best one."""
        best = self.path / "best.safetensors"
        return best if best.exists() else self.path / "last.safetensors"

    def metrics(self, kind: str = "train") -> dict[str, np.ndarray]:
        """Columns of metrics.jsonl by name, "step" and "epoch" among them; NaN where a line has no such number.

        kind: "train" (a step each), "eval" (an evaluation each) or "teacher".
        """
        lines = [line for line in json.loads(_skylift.run_metrics(self.path)) if line.get("kind") == kind]
        names = dict.fromkeys(name for line in lines for name, value in line.items() if not isinstance(value, str))
        return {name: np.array([_number(line.get(name)) for line in lines]) for name in names}

    def to_pandas(self, kind: str = "train") -> pandas.DataFrame:
        """The same as a DataFrame. ImportError: pandas is not there."""
        import pandas

        return pandas.DataFrame(self.metrics(kind))

    def __repr__(self) -> str:
        return f"<Run {self.path}: {self.state}>"


def _number(value: Any) -> float:
    return float("nan") if value is None else value
