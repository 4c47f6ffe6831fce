"""COCO and COCOeval with pycocotools' names and numbers, for boxes: change the import and the rest stays.

    from skylift.coco import COCO, COCOeval

Differs: nothing prints but summarize() and info(); masks and keypoints are refused; evalImgs and ious stay empty; the
annotations of results that were given as an array are made into dictionaries only when they are asked for.
"""
from __future__ import annotations

import copy
import datetime
import itertools
import json
import os
from collections import defaultdict
from typing import Any

import numpy as np

from . import _skylift
from ._paths import existing

__all__ = ["COCO", "COCOeval", "Params"]

Columns = "dict[str, np.ndarray]"


def _is_list(value: Any) -> bool:
    return hasattr(value, "__iter__") and hasattr(value, "__len__")


def _as_list(value: Any) -> Any:
    return value if _is_list(value) else [value]


class _Annotations(dict):
    """A data set whose "annotations" are made of columns when somebody looks."""

    def __init__(self, columns: dict[str, np.ndarray], **others: Any):
        super().__init__(others)
        self.columns = columns

    def __missing__(self, key: str) -> Any:
        if key != "annotations":
            raise KeyError(key)
        names = ["image_id", "category_id", "bbox", "score", "area", "id"]
        columns = [self.columns[name].tolist() for name in ["image", "category", "bbox", "score", "area", "id"]]
        self["annotations"] = [{**dict(zip(names, row)), "iscrowd": 0} for row in zip(*columns)]
        return self["annotations"]


class COCO:
    """A data set in COCO's form: from a file, or `dataset` set by hand and then createIndex().

    FileNotFoundError: no such file; TypeError: not a path, or a file that is no data set.
    """

    def __init__(self, annotation_file: str | os.PathLike[str] | None = None):
        self.dataset: dict[str, Any] = {}
        self._index: dict[str, Any] | None = None
        if annotation_file is not None:
            with open(existing(annotation_file), encoding="utf-8") as file:
                dataset = json.load(file)
            if not isinstance(dataset, dict):
                raise TypeError(f"{annotation_file}: expected a JSON object with images, annotations and categories")
            self.dataset = dataset

    def createIndex(self) -> None:
        """Looks at `dataset` anew."""
        self._index = None

    def _indexed(self, name: str) -> Any:
        if self._index is None:
            annotations = self.dataset["annotations"] if "annotations" in self.dataset or isinstance(
                self.dataset, _Annotations) else []
            of_image, of_category = defaultdict(list), defaultdict(list)
            for annotation in annotations:
                of_image[annotation["image_id"]].append(annotation)
                of_category[annotation["category_id"]].append(annotation["image_id"])
            self._index = {"anns": {one["id"]: one for one in annotations}, "imgToAnns": of_image,
                           "catToImgs": of_category if "categories" in self.dataset else defaultdict(list)}
        return self._index[name]

    @property
    def anns(self) -> dict[int, dict]:
        return self._indexed("anns")

    @property
    def imgToAnns(self) -> dict[int, list[dict]]:
        return self._indexed("imgToAnns")

    @property
    def catToImgs(self) -> dict[int, list[int]]:
        return self._indexed("catToImgs")

    @property
    def imgs(self) -> dict[int, dict]:
        return {image["id"]: image for image in self.dataset.get("images", [])}

    @property
    def cats(self) -> dict[int, dict]:
        return {category["id"]: category for category in self.dataset.get("categories", [])}

    def info(self) -> None:
        for key, value in self.dataset.get("info", {}).items():
            print(f"{key}: {value}")

    def getAnnIds(self, imgIds: Any = [], catIds: Any = [], areaRng: Any = [], iscrowd: bool | None = None) -> list[int]:
        images, categories = _as_list(imgIds), _as_list(catIds)
        annotations = self.dataset["annotations"]
        if len(images):
            annotations = itertools.chain.from_iterable(self.imgToAnns[i] for i in images if i in self.imgToAnns)
        return [one["id"] for one in annotations
                if (not len(categories) or one["category_id"] in categories)
                and (not len(areaRng) or areaRng[0] < one["area"] < areaRng[1])
                and (iscrowd is None or one["iscrowd"] == iscrowd)]

    def getCatIds(self, catNms: Any = [], supNms: Any = [], catIds: Any = []) -> list[int]:
        names, parents, ids = _as_list(catNms), _as_list(supNms), _as_list(catIds)
        return [one["id"] for one in self.dataset["categories"]
                if (not len(names) or one["name"] in names) and (not len(parents) or one["supercategory"] in parents)
                and (not len(ids) or one["id"] in ids)]

    def getImgIds(self, imgIds: Any = [], catIds: Any = []) -> list[int]:
        images, categories = _as_list(imgIds), _as_list(catIds)
        if not len(images) and not len(categories):
            return list(self.imgs)
        found = set(images)
        for place, category in enumerate(categories):
            of_category = set(self.catToImgs[category])
            found = of_category if place == 0 and not found else found & of_category
        return list(found)

    @staticmethod
    def _load(known: dict, ids: Any) -> list[dict]:
        return [known[one] for one in _as_list(ids)]

    def loadAnns(self, ids: Any = []) -> list[dict]:
        return self._load(self.anns, ids)

    def loadCats(self, ids: Any = []) -> list[dict]:
        return self._load(self.cats, ids)

    def loadImgs(self, ids: Any = []) -> list[dict]:
        return self._load(self.imgs, ids)

    def loadRes(self, resFile: str | os.PathLike[str] | list[dict] | np.ndarray) -> COCO:
        """Results on this set: a file, a list of dictionaries, or [N,7] image id, x, y, width, height, score, class.

        ValueError: another shape, or an image that is not in the set. FileNotFoundError: no such file.
        """
        if isinstance(resFile, np.ndarray):
            columns, annotations = _columns_of_rows(resFile), None
        else:
            annotations = resFile if isinstance(resFile, list) else _load_list(resFile)
            columns = _skylift.coco_columns(annotations, True)
            columns["area"] = columns["bbox"][:, 2] * columns["bbox"][:, 3]
            columns["id"] = np.arange(1, len(annotations) + 1)
        unknown = np.setdiff1d(columns["image"], np.fromiter(self.imgs, dtype=np.int64))
        if len(unknown):
            raise ValueError(f"results: image {unknown[0]} is not in the ground truth")
        results = COCO()
        results.dataset = _Annotations(columns, info=copy.deepcopy(self.dataset.get("info", {})),
                                       images=list(self.dataset["images"]),
                                       categories=copy.deepcopy(self.dataset.get("categories", [])))
        if annotations is not None:
            for number, (one, area) in enumerate(zip(annotations, columns["area"].tolist()), start=1):
                one.update(area=area, id=number, iscrowd=0)  # in place, as pycocotools does
            results.dataset["annotations"] = annotations
        return results

    def _columns(self) -> dict[str, np.ndarray]:
        if isinstance(self.dataset, _Annotations):
            return self.dataset.columns
        return _skylift.coco_columns(self.dataset.get("annotations", []), False)


def _load_list(path: str | os.PathLike[str]) -> list[dict]:
    with open(existing(path), encoding="utf-8") as file:
        results = json.load(file)
    if not isinstance(results, list):
        raise TypeError(f"{path}: expected a JSON list of results")
    return results


def _columns_of_rows(rows: np.ndarray) -> dict[str, np.ndarray]:
    if rows.ndim != 2 or rows.shape[1] != 7:
        raise ValueError(f"results: got shape {rows.shape}, expected (N, 7): image id, x, y, width, height, score, class")
    if not np.issubdtype(rows.dtype, np.number):
        raise TypeError(f"results: got dtype {rows.dtype}, expected numbers")
    boxes = np.ascontiguousarray(rows[:, 1:5], dtype=np.float64)
    return {"image": rows[:, 0].astype(np.int64), "category": rows[:, 6].astype(np.int64), "bbox": boxes,
            "score": np.ascontiguousarray(rows[:, 5], dtype=np.float64), "area": boxes[:, 2] * boxes[:, 3],
            "id": np.arange(1, len(rows) + 1)}


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
        self.areaRng = [[0, 1e5**2], [0, 32**2], [32**2, 96**2], [96**2, 1e5**2]]
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
    columns = coco._columns() if isinstance(coco, COCO) else None
    if columns is None or "score" not in columns:
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
