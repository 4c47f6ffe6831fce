"""Data sets: images with boxes, from files of any layout that the program reads, or drawn."""
from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import _skylift
from ._paths import existing_spec


@dataclass(frozen=True)
class Annotated:
    """One image and what is annotated of it. N objects.

    path             of the image file; "" if it was drawn
    xyxy             [N,4] float64  x1, y1, x2, y2 in px
    labels           [N]   int64    places in `classes`; -1: of none of them
    ignored          [N]   bool     neither to be found nor wrong: crowds, ignored and difficult objects, other classes
    ignored_regions  [R,4] float64  xyxy: nothing is annotated there
    """

    path: str
    id: int
    xyxy: np.ndarray
    labels: np.ndarray
    ignored: np.ndarray
    ignored_regions: np.ndarray
    classes: list[str]
    _pixels: object

    @cached_property
    def image(self) -> np.ndarray:
        """[H,W,3] uint8 RGB, read when it is first asked for. skylift.Error: missing or damaged."""
        return self._pixels() if callable(self._pixels) else self._pixels  # type: ignore[return-value]

    @property
    def names(self) -> np.ndarray:
        """[N] names of the classes, None for objects of none."""
        return np.array([*self.classes, None], dtype=object)[self.labels]


class Dataset:
    """A data set as `load_dataset` opens it: a sequence of Annotated."""

    def __init__(self, annotations: _skylift.Annotations):
        self._set = annotations

    @property
    def classes(self) -> list[str]:
        """Names by label."""
        return list(self._set.classes)

    @property
    def format(self) -> str:
        """coco, visdrone, uavdt, voc or yolo."""
        return self._set.format

    def __len__(self) -> int:
        return len(self._set)

    def __getitem__(self, index: int) -> Annotated:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return Annotated(path=str(self._set.path(place)), classes=self.classes,
                         _pixels=lambda: self._set.pixels(place), **self._set.record(place))

    def __iter__(self) -> Iterator[Annotated]:
        return (self[index] for index in range(len(self)))


def load_dataset(spec: str | os.PathLike[str]) -> Dataset:
    """Opens a data set: a COCO file, a VisDrone or VOC folder, a UAVDT root, or a data.yaml (a SPEC, docs/data.md).

    Images are read when they are asked for. FileNotFoundError: nothing there; skylift.Error: no known format, or
    malformed (with file and line).
    """
    return Dataset(_skylift.open_data(existing_spec(spec)))


def _options(size: tuple[int, int], seed: int, car_px: tuple[float, float], density: float) -> _skylift.SynthOptions:
    options = _skylift.SynthOptions()
    options.width, options.height = size
    options.seed = seed
    options.car_px_min, options.car_px_max = car_px
    options.density = density
    return options


def synth(folder: str | os.PathLike[str], images: int, *, size: tuple[int, int] = (960, 540), seed: int = 0,
          first: int = 0, format: str = "visdrone", car_px: tuple[float, float] = (18, 44),
          density: float = 1) -> Dataset:
    """Draws synthetic aerial scenes into a folder, the same on every machine, and opens them.

    size     width, height in px
    first    number of the first scene: other numbers are other scenes of the same seed
    format   "visdrone" (a folder) or "coco" (FOLDER/annotations.json)
    car_px   least and greatest length (px) of a car in the middle of the picture
    density  factor on traffic, parking and people

    skylift.Error: images smaller than 64 px, a folder that already holds images or annotations, files that cannot be written.
    """
    target = os.fsdecode(os.fspath(folder))
    _skylift.write_scenes(_options(size, seed, car_px, density), images, target, format, first)
    return load_dataset(os.path.join(target, "annotations.json") if format == "coco" else target)


def draw_scene(index: int = 0, *, size: tuple[int, int] = (960, 540), seed: int = 0,
               car_px: tuple[float, float] = (18, 44), density: float = 1) -> Annotated:
    """Scene `index` of a seed in memory, with the boxes that follow from what was painted."""
    image, record = _skylift.draw_scene(index, _options(size, seed, car_px, density))
    return Annotated(path="", classes=list(_skylift.synth_classes()), _pixels=image, **record)
