"""COCO and COCOeval with pycocotools' names and numbers, for boxes: change the import and the rest stays.

    from skylift.coco import COCO, COCOeval

Differs: nothing prints but summarize() and info(); masks and keypoints are refused; evalImgs and ious stay empty; the
annotations of results that were given as an array are made into dictionaries only when they are asked for.
"""
from __future__ import annotations

import copy
import itertools
import json
import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _skylift
from ._cocoeval import COCOeval, Params
from ._paths import existing

__all__ = ["COCO", "COCOeval", "Params"]


def _is_list(value: Any) -> bool:
    return hasattr(value, "__iter__") and hasattr(value, "__len__")


def _as_list(value: Any) -> Any:
    return value if _is_list(value) else [value]


class COCO:
    """A data set in COCO's form: from a file, or `dataset` set by hand and then createIndex().

    FileNotFoundError: no such file; TypeError: not a path, or a file that is no data set.
    """

    def __init__(self, annotation_file: str | os.PathLike[str] | None = None):
        self._dataset: dict[str, Any] = {}
        self._results: dict[str, np.ndarray] | None = None  # loadRes's, until somebody looks at `dataset`
        self._made: dict[str, Any] = {}  # what was asked for of `dataset`
        if annotation_file is not None:
            with open(existing(annotation_file), encoding="utf-8") as file:
                dataset = json.load(file)
            if not isinstance(dataset, dict):
                raise TypeError(f"{annotation_file}: expected a JSON object with images, annotations and categories")
            self.dataset = dataset

    @property
    def dataset(self) -> dict[str, Any]:
        """Whoever looks may change it: the annotations of results given as an array are made then, and count from there."""
        columns, self._results = self._results, None
        if columns is not None and "annotations" not in self._dataset:
            names = ["image_id", "category_id", "bbox", "score", "area", "id"]
            values = [columns[name].tolist() for name in ["image", "category", "bbox", "score", "area", "id"]]
            self._dataset["annotations"] = [{**dict(zip(names, row)), "iscrowd": 0} for row in zip(*values)]
        return self._dataset

    @dataset.setter
    def dataset(self, dataset: dict[str, Any]) -> None:
        self._dataset, self._results = dataset, None

    def createIndex(self) -> None:
        """Looks at `dataset` anew."""
        self._made.clear()

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _annotations_by(self, key: str, value: str | None = None) -> dict[int, list]:
        found = defaultdict(list)
        for annotation in self.dataset.get("annotations", []):
            found[annotation[key]].append(annotation if value is None else annotation[value])
        return found

    @property
    def anns(self) -> dict[int, dict]:
        return self._once("anns", lambda: {id: ones[-1] for id, ones in self._annotations_by("id").items()})

    @property
    def imgToAnns(self) -> dict[int, list[dict]]:
        return self._once("imgToAnns", lambda: self._annotations_by("image_id"))

    @property
    def catToImgs(self) -> dict[int, list[int]]:
        return self._once("catToImgs", lambda: self._annotations_by("category_id", "image_id"))

    @property
    def imgs(self) -> dict[int, dict]:
        return self._once("imgs", lambda: {image["id"]: image for image in self._dataset.get("images", [])})

    @property
    def cats(self) -> dict[int, dict]:
        return self._once("cats", lambda: {one["id"]: one for one in self._dataset.get("categories", [])})

    def info(self) -> None:
        for key, value in self._dataset.get("info", {}).items():
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
        return [one["id"] for one in self._dataset["categories"]
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
        held: dict[str, Any] = {}
        if annotations is not None:
            for number, (one, area) in enumerate(zip(annotations, columns["area"].tolist()), start=1):
                one.update(area=area, id=number, iscrowd=0)  # in place, as pycocotools does
            held["annotations"] = annotations
        results = COCO()
        results.dataset = {"info": copy.deepcopy(self._dataset.get("info", {})), "images": list(self._dataset["images"]),
                           "categories": copy.deepcopy(self._dataset.get("categories", [])), **held}
        results._results = columns
        return results


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
