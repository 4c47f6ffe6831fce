"""Skylift in Python: detectors for drone imagery, their training, distillation and evaluation. See docs/python.md.

Everything that the library refuses is a skylift.Error (a ValueError) with the program's text; what Python has an
exception of its own for is a TypeError, ValueError or FileNotFoundError. Nothing is printed unless it is asked for:
set_log_level("info") shows on stderr what the program would say.
"""
import os as _os

# Read while libtorch's OpenMP is loaded: its idle threads would take the cores from the loader's. See apps/main.cpp.
_os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from . import coco
from ._skylift import Error, set_log_level
from .data import Annotated, Dataset, draw_scene, load_dataset, synth
from .detections import Detections
from .evaluation import Evaluation, evaluate
from .predictor import Predictor, read_image
from .runs import Run
from .training import distill, export_onnx, recipes, train

__all__ = ["Annotated", "Dataset", "Detections", "Error", "Evaluation", "Predictor", "Run", "coco", "distill",
           "draw_scene", "evaluate", "export_onnx", "load_dataset", "read_image", "recipes", "set_log_level", "synth",
           "train"]
