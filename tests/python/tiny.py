"""Scenes and a model that take seconds to make."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import skylift

PROGRAM = os.environ["SKYLIFT_PROGRAM"]

# What makes a detector tiny.
OPTIONS = {"data.threads": 2, "data.input.long_side": 128, "data.input.short_side": 128, "model.backbone.width": 0.125,
           "model.neck.channels": 16, "model.neck.last_level": 5, "model.head.channels": 16, "model.head.depth": 1,
           "train.epochs": 1, "train.batch_size": 2, "train.schedule.warmup_steps": 2, "decode.score_threshold": 0.0}


class FolderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="skylift-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    @classmethod
    def make_scenes(cls):
        for part, images, seed in (("train", 6, 1), ("val", 2, 2)):
            if not (cls.folder / "scenes" / part).exists():
                skylift.synth(cls.folder / "scenes" / part, images, size=(128, 128), seed=seed)
        return cls.folder / "scenes"

    @classmethod
    def train(cls, name, **more):
        return skylift.train(None, out=cls.folder / name, data=cls.make_scenes(), options=OPTIONS, **more)

    def program(self, *arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout
