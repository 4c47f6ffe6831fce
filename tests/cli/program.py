"""The program under test, as a user calls it."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = os.environ["SKYLIFT_PROGRAM"]

# A detector that trains in seconds.
TINY = """
[data]
train = "{data}/train"
val = "{data}/val"
threads = 2
[data.input]
long_side = 128
short_side = 128
[model.backbone]
width = 0.125
[model.neck]
channels = 16
last_level = 5
[model.head]
channels = 16
depth = 1
[train]
epochs = 2
batch_size = 2
checkpoint_every = 1
[train.schedule]
warmup_steps = 2
"""


class TellingResult(unittest.TextTestResult):
    """`make test` collects these lines at its end."""

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"\nskipped: {test.id()}: {reason}", file=sys.stderr)  # on a line of its own, not behind unittest's dots


unittest.TextTestRunner.resultclass = TellingResult


class ProgramTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="skylift-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    def run_program(self, *arguments, **options):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=600, **options)

    def succeed(self, *arguments, **options):
        done = self.run_program(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refuse(self, *arguments, expect, **options):
        """Exit 2 and one clear line that holds every text of `expect`."""
        done = self.run_program(*arguments, **options)
        message = [line for line in done.stderr.splitlines() if line.startswith("skylift: ")]
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(message), 1, done.stderr)
        for text in expect:
            self.assertIn(text, message[0])
        return message[0]

    def make_scenes(self, train=6, val=2, size="128x128"):
        data = self.folder / "scenes"
        if not data.exists():
            self.succeed("synth", "--out", data / "train", "--images", train, "--size", size, "--seed", 1)
            self.succeed("synth", "--out", data / "val", "--images", val, "--size", size, "--seed", 2)
        config = self.folder / "tiny.toml"
        config.write_text(TINY.format(data=data))
        return data, config

    @classmethod
    def make_model(cls, **scenes):
        """For setUpClass: a model after one epoch, and the folder of its scenes."""
        test = cls()
        data, config = test.make_scenes(**scenes)
        config.write_text(config.read_text().replace("epochs = 2", "epochs = 1"))
        test.succeed("train", "--config", config, "--out", cls.folder / "run")
        return cls.folder / "run" / "last.safetensors", data


def grey_png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + b"\x80" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def all_lines(folder):
    """The lines of a run without what the clock puts in."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    of_the_clock = ("time", "images_per_s", "data_wait", "exchange_wait", "peak_memory_mib")
    return [{key: value for key, value in line.items() if key not in of_the_clock} for line in lines]


def step_lines(folder):
    return [line for line in all_lines(folder) if line["kind"] == "train"]


if __name__ == "__main__":
    sys.exit("run the test files")
