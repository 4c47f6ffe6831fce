"""What a run says of itself while it works: metrics.jsonl, TensorBoard's own reader on the events, and the terminal."""
import json
import os
import pathlib
import pty
import re
import subprocess
import time
import unittest

from program import PROGRAM, ProgramTest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# Run by the test venv's Python: what the real TensorBoard finds in a folder.
READER = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
import io, PIL.Image
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0})
events.Reload()
tags = events.Tags()
content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
hparams = HParamsPluginData.FromString(content).session_start_info.hparams
images = {}
for tag in tags["images"]:
    for image in events.Images(tag):
        decoded = PIL.Image.open(io.BytesIO(image.encoded_image_string))
        images.setdefault(tag, []).append([image.step, decoded.size == (image.width, image.height)])
print(json.dumps({
    "scalars": {tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in tags["scalars"]},
    "images": images,
    "hparams": {key: getattr(value, value.WhichOneof("kind")) for key, value in hparams.items()},
}))
"""


class MetricsTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        test = cls("succeed")
        cls.data, cls.config = test.make_scenes()
        cls.out = cls.folder / "run"
        test.succeed("train", "--config", cls.config, "--out", cls.out)
        cls.lines = [json.loads(line) for line in (cls.out / "metrics.jsonl").read_text().splitlines()]

    def test_each_step_says_what_it_cost(self):
        steps = [line for line in self.lines if line["kind"] == "train"]
        self.assertEqual(len(steps), 4)  # two epochs of the five images that have objects
        for line in steps:
            self.assertGreater(line["images_per_s"], 0)
            self.assertTrue(0 <= line["data_wait"] <= 1, line)
            self.assertGreater(line["peak_memory_mib"], 10)
        self.assertEqual(sorted(line["time"] for line in steps), [line["time"] for line in steps])

    def test_each_evaluation_names_its_classes(self):
        evaluations = [line for line in self.lines if line["kind"] == "eval"]
        self.assertEqual(len(evaluations), 2)
        stored = json.loads((self.out / "run.json").read_text())["evaluation"]["per_class"]
        self.assertEqual({key.removeprefix("AP/"): value for key, value in evaluations[-1].items() if key.startswith("AP/")},
                         {name: one["AP"] for name, one in stored.items()})

    def read_events(self, folder):
        """What TensorBoard itself makes of a folder."""
        made = subprocess.run([REPOSITORY / "scripts" / "setup-test-venv.sh", "tensorboard==2.20.0", "pillow", "setuptools<81"], capture_output=True, text=True)
        if made.returncode != 0:
            self.skipTest(made.stderr)
        python = REPOSITORY / ".deps" / "test-venv" / "bin" / "python"
        done = subprocess.run([python, "-c", READER, folder], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_the_real_tensorboard_reads_it(self):
        read = self.read_events(self.out)
        for line in self.lines:
            for name, value in line.items():
                if isinstance(value, (int, float)) and name not in ("step", "epoch"):
                    points = dict(read["scalars"][f"{line['kind']}/{name}"])
                    self.assertAlmostEqual(points[line["step"]], value, delta=1e-6 * abs(value) + 1e-9)
        names = sorted(path.name for path in (self.data / "val" / "images").iterdir())
        self.assertEqual(read["images"], {f"eval/{name}": [[2, True], [4, True]] for name in names})
        self.assertEqual(read["hparams"]["train.optimizer.lr"], 0.01)
        self.assertEqual(read["hparams"]["train.optimizer.name"], "sgd")
        self.assertIs(read["hparams"]["kd.inherit"], False)

    def test_the_curves_of_a_resumed_run_do_not_overlap(self):
        out = self.folder / "resumed"
        command = ["train", "--config", self.config, "--out", out, "--set", "train.epochs=3", "--set", "train.batch_size=1", "--set", "train.checkpoint_every=1000"]
        with subprocess.Popen([PROGRAM, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            log = out / "metrics.jsonl"
            while process.poll() is None and not (log.exists() and log.read_text().count('"kind":"train"') >= 8):
                time.sleep(0.002)
            process.kill()
        done = self.succeed(*command, "--resume")
        self.assertIn("going on after step 5 of 15", done.stderr)  # steps 6 to 8 are written twice
        points = self.read_events(out)["scalars"]["train/loss"]
        self.assertEqual([step for step, _ in points], list(range(1, 16)))

    def test_on_a_terminal_no_line_runs_into_the_bar(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([PROGRAM, "train", "--config", self.config, "--out", self.folder / "terminal"], stderr=theirs, stdout=subprocess.DEVNULL)
        os.close(theirs)
        output = b""
        try:
            while part := os.read(ours, 65536):
                output += part
        except OSError:  # the other end is closed
            pass
        self.assertEqual(process.wait(), 0)
        shown = [line.rstrip("\r") for line in output.decode().split("\n")]
        self.assertTrue(any("train [" in line for line in shown), shown)
        epochs = [line for line in shown if re.search(r"epoch \d/\d: AP", line)]
        self.assertEqual(len(epochs), 2, shown)
        for line in epochs:  # what stays of a line is behind its last clearing
            left = re.sub(r"\x1b\[[0-9;]*m", "", line.split("\x1b[K")[-1])
            self.assertRegex(left, r"^epoch \d/\d: AP", line)


if __name__ == "__main__":
    unittest.main()
