"""From images to detections."""
from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any, Union, overload

import numpy as np

from . import _skylift
from ._paths import existing
from .detections import Detections

Image = Union[np.ndarray, str, "os.PathLike[str]"]


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """[H,W,3] uint8 RGB, upright, as the program reads it. Error: not an image, or damaged."""
    return _skylift.read_image(existing(path))


def _pixels(image: Image) -> np.ndarray:
    if not isinstance(image, np.ndarray):
        return read_image(image)
    if image.dtype != np.uint8:
        raise TypeError(f"image: got dtype {image.dtype}, expected uint8")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image: got shape {image.shape}, expected (height, width, 3)")
    if image.size == 0:
        raise ValueError(f"image: got shape {image.shape}, expected pixels")
    rows_are_plain = image.strides[2] == 1 and image.strides[1] == 3 and image.strides[0] >= 3 * image.shape[1]
    return image if rows_are_plain else np.ascontiguousarray(image)


class Predictor:
    """A model ready to detect. Calls from several threads at the same time are fine; the GIL is free meanwhile.

    model            a .safetensors model, or an .onnx file that `skylift export` wrote
    engine           "torch", "openvino" (CPU), or "auto": openvino where it fits
    device           "cpu", or for torch "cuda", "cuda:N"
    precision        "float32", or "bf16" where the hardware has it
    mode             "latency": all cores on one image; "throughput": an image a core, for many at once
    threads, batch   of the CPU, images in a run of the network; 0: all cores, what suits the engine
    score_threshold  detections up to this are dropped
    nms_iou          a box is suppressed by a better one of its class with more overlap
    max_detections   an image; a model trained with other decode.* than these defaults is scored with its own by
                     `skylift eval`
    tile             side (px) of the tiles that larger images are cut into; 0: none
    overlap          of neighbouring tiles, as a part of their side
    full_image       one pass over the whole image besides
    merge            "nms", "greedy-nmm" or "nmm": what becomes of detections of several tiles that match

    FileNotFoundError: no such model. skylift.Error: not a model, or an engine or device that is not here.
    """

    def __init__(self, model: str | os.PathLike[str], *, engine: str = "auto", device: str = "cpu",
                 precision: str = "float32", mode: str = "latency", threads: int = 0, batch: int = 0,
                 score_threshold: float = 0.05, nms_iou: float = 0.6, max_detections: int = 500, tile: int = 0,
                 overlap: float = 0.2, full_image: bool = True, merge: str = "nms"):
        how, detect = _skylift.EngineOptions(), _skylift.DetectOptions()
        how.engine, how.device, how.precision, how.mode = engine, device, precision, mode
        how.threads, how.batch = threads, batch
        detect.score_threshold, detect.nms_iou, detect.max_detections = score_threshold, nms_iou, max_detections
        detect.tile, detect.overlap, detect.full_image, detect.merge = tile, overlap, full_image, merge
        self._predictor = _skylift.Predictor(existing(model), how, detect)
        self._classes: list[str] = list(self._predictor.classes)

    @property
    def classes(self) -> list[str]:
        """Names by label."""
        return list(self._classes)

    @property
    def description(self) -> str:
        """Engine, device, precision: "openvino 2026.4.1, CPU, float32"."""
        return self._predictor.description

    def prepare(self, width: int, height: int) -> None:
        """Makes all ready for images of a size (px), so that the first one is as fast as those after it."""
        self._predictor.prepare(width, height)

    @overload
    def __call__(self, images: Image, *, bgr: bool = False) -> Detections: ...
    @overload
    def __call__(self, images: list[Image] | tuple[Image, ...], *, bgr: bool = False) -> list[Detections]: ...

    def __call__(self, images: Any, *, bgr: bool = False) -> Any:
        """The detections of an image, or a list of them for a list of images.

        An image is a path, or [H,W,3] uint8: RGB, or BGR with `bgr` (of arrays; files are always read right). Arrays
        are not copied where each row is without gaps, so slices of rows and columns are fine.
        TypeError, ValueError: another dtype or shape; FileNotFoundError: no such file; skylift.Error: a damaged file.
        """
        if not isinstance(images, (list, tuple)):
            return self._predict([images], bgr)[0]
        return self._predict(images, bgr) if len(images) else []

    def _predict(self, images: Iterable[Image], bgr: bool) -> list[Detections]:
        pixels = []
        for image in images:
            if bgr and not isinstance(image, np.ndarray):
                raise TypeError("bgr is for arrays: a file's colours are known")
            pixels.append(_pixels(image))
        return [Detections(*found, self._classes) for found in self._predictor.predict(pixels, bgr)]

    def stream(self, images: Iterable[Image], *, batch: int = 0, bgr: bool = False) -> Iterator[Detections]:
        """The detections of images one by one, read as they are needed, `batch` of them at a time (0: what suits)."""
        source = iter(images)
        while group := list(itertools.islice(source, batch or self._predictor.batch)):
            yield from self._predict(group, bgr)

    def video(self, source: str | os.PathLike[str], *, batch: int = 0) -> Iterator[tuple[np.ndarray, Detections]]:
        """(frame, detections) of a video file, an image sequence (frame_%04d.jpg) or a stream (rtsp://...), in order.

        Frames are [H,W,3] uint8 RGB. skylift.Error: cannot be opened.
        """
        video = _skylift.Video(os.fspath(source))

        def read() -> Iterator[np.ndarray]:
            while (frame := video.read()) is not None:
                yield frame

        frames = read()
        while group := list(itertools.islice(frames, batch or self._predictor.batch)):
            yield from zip(group, self._predict(group, bgr=False))
