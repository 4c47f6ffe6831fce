"""COCOeval with pycocotools' names and numbers: see skylift.coco."""
from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from . import _skylift


class Params:
    """COCOeval's parameters, with pycocotools' defaults."""

    def __init__(self, iouType: str = "bbox"):
        if iouType != "bbox":
            raise ValueError(f"iouType: got '{iouType}', skylift.coco evaluates 'bbox' (masks and keypoints: pycocotools)")
        self.imgIds: list[int] = []
        self.catIds: list[int] = []
        self.iouThrs = np.linspace(0.5, 0.95, 10)
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.maxDets = [1, 10, 100]
        self.areaRng: list[list[float]] = [[0, 1e5**2], [0, 32**2], [32**2, 96**2], [96**2, 1e5**2]]
        self.areaRngLbl = ["all", "small", "medium", "large"]
        self.useCats = 1
        self.iouType = iouType


class COCOeval:
    """evaluate(), accumulate(), summarize(): then `stats` [12] and `eval` with "precision" [T,R,K,A,M] ..."""

    def __init__(self, cocoGt: Any = None, cocoDt: Any = None, iouType: str = "bbox"):
        self.cocoGt, self.cocoDt = cocoGt, cocoDt
        self.params = Params(iouType)
        self.evalImgs: list = []
        self.ious: dict = {}
        self.eval: dict[str, Any] = {}
        self.stats: Any = []
        self._inputs: tuple | None = None
        if cocoGt is not None:
            self.params.imgIds = sorted(cocoGt.getImgIds())
            self.params.catIds = sorted(cocoGt.getCatIds())

    def evaluate(self) -> None:
        """Takes the annotations as they are now."""
        p = self.params
        p.imgIds = list(np.unique(p.imgIds))
        if p.useCats:
            p.catIds = list(np.unique(p.catIds))
        p.maxDets = sorted(p.maxDets)
        self._inputs = (_columns_of(self.cocoGt), _columns_of(self.cocoDt))
        self.eval = {}

    def accumulate(self, p: Params | None = None) -> None:
        """Fills `eval`: params, counts, date, precision and scores [T,R,K,A,M], recall [T,K,A,M]."""
        if self._inputs is None:
            raise RuntimeError("Please run evaluate() first")
        p = p or self.params
        if not p.useCats:
            p.catIds = [-1] if not len(p.catIds) else p.catIds
        parameters = _parameters_of(p)
        truth, found = (_placed(columns, p) for columns in self._inputs)
        precision, recall, scores = _skylift.coco_tables(
            truth["place"], truth["class"], truth["bbox"], truth["area"], truth["iscrowd"], truth["id"],
            found["place"], found["class"], found["bbox"], found["area"], found["score"], parameters)
        self.eval = {"params": p, "counts": list(precision.shape),
                     "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
                     "precision": precision, "recall": recall, "scores": scores}

    def _mean(self, precision: bool, threshold: float | None = None, area: str = "all", limit: int = 100) -> float:
        p = self.params
        table = self.eval["precision" if precision else "recall"]
        if threshold is not None:
            table = table[np.where(threshold == np.asarray(p.iouThrs))[0]]
        areas = [i for i, label in enumerate(p.areaRngLbl) if label == area]
        limits = [i for i, value in enumerate(p.maxDets) if value == limit]
        table = table[..., areas, limits]
        mean = float(np.mean(table[table > -1])) if np.any(table > -1) else -1.0
        iou = f"{p.iouThrs[0]:0.2f}:{p.iouThrs[-1]:0.2f}" if threshold is None else f"{threshold:0.2f}"
        title, kind = ("Average Precision", "(AP)") if precision else ("Average Recall", "(AR)")
        print(f" {title:<18} {kind} @[ IoU={iou:<9} | area={area:>6s} | maxDets={limit:>3d} ] = {mean:0.3f}")
        return mean

    def summarize(self) -> None:
        """Prints the table of twelve numbers and leaves them in `stats`."""
        if not self.eval:
            raise RuntimeError("Please run accumulate() first")
        low, middle, high = (self.params.maxDets[min(i, len(self.params.maxDets) - 1)] for i in range(3))
        self.stats = np.array([self._mean(True), self._mean(True, 0.5, limit=high), self._mean(True, 0.75, limit=high),
                               *(self._mean(True, area=area, limit=high) for area in ("small", "medium", "large")),
                               *(self._mean(False, limit=limit) for limit in (low, middle, high)),
                               *(self._mean(False, area=area, limit=high) for area in ("small", "medium", "large"))])


def _columns_of(coco: Any) -> dict[str, np.ndarray]:
    """Of ours, or of pycocotools' own COCO. Results without scores are allowed only where there are none at all."""
    columns = getattr(coco, "_results", None)
    if columns is None:
        annotations = coco.dataset.get("annotations", [])
        columns = _skylift.coco_columns(annotations, bool(annotations) and "score" in annotations[0])
    return columns


def _placed(columns: dict[str, np.ndarray], p: Params) -> dict[str, np.ndarray]:
    """Rows with the places of image and class among those that are evaluated."""
    images = _places(columns["image"], p.imgIds)
    classes = _places(columns["category"], p.catIds)
    placed = {"score": np.zeros(len(images)), **columns, "place": images, "class": classes}
    if not p.useCats:  # all as one class; pycocotools goes through them in order of the ids
        order = np.argsort(classes, kind="stable")
        placed = {name: np.ascontiguousarray(column[order]) for name, column in placed.items()}
        placed["class"] = np.minimum(placed["class"], 0).astype(np.int32)
    return placed


def _places(values: np.ndarray, known: Any) -> np.ndarray:
    """[N] int32: where each value stands among the ascending `known`; -1: nowhere."""
    ids = np.asarray(known, dtype=np.int64)
    if not len(ids):
        return np.full(len(values), -1, dtype=np.int32)
    found = np.minimum(np.searchsorted(ids, values), len(ids) - 1)
    return np.where(ids[found] == values, found, -1).astype(np.int32)


def _parameters_of(p: Params) -> Any:
    parameters = _skylift.CocoParameters()
    parameters.images, parameters.classes = len(p.imgIds), len(p.catIds) if p.useCats else 1
    parameters.thresholds = [float(value) for value in p.iouThrs]
    parameters.recalls = [float(value) for value in p.recThrs]
    parameters.area_ranges = [[float(low), float(high)] for low, high in p.areaRng]
    parameters.max_dets = [int(value) for value in p.maxDets]
    return parameters
