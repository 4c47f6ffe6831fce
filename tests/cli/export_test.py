"""skylift export: what it writes, says and refuses."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import unittest

from program import ProgramTest


class ExportTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        maker = cls("succeed")  # for its helpers
        cls.data, config = maker.make_scenes()
        maker.succeed("train", "--config", config, "--out", cls.folder / "run", "--set", "train.epochs=1")
        cls.model = cls.folder / "run" / "last.safetensors"

    def export(self, out, *more):
        return self.succeed("export", "--model", self.model, "--to", "onnx", "--out", self.folder / out, *more)

    def test_each_form_is_checked_against_its_source(self):
        image = next((self.data / "val" / "images").iterdir())
        for out, more in {"raw.onnx": [], "boxes.onnx": ["--decoded", "--score", 0.01], "fixed.onnx": ["--size", "200x120", "--batch", 2],
                          "half.onnx": ["--precision", "fp16"]}.items():
            done = self.export(out, "--image", image, *more)
            self.assertIn(out, done.stdout)
            # Without OpenVINO the program says so, and loudly.
            self.assertTrue("checked in OpenVINO on" in done.stdout and image.name in done.stdout or "NOT checked" in done.stderr, done)
            self.assertIn(b"skylift.model", (self.folder / out).read_bytes())
        self.assertLess((self.folder / "half.onnx").stat().st_size, 0.7 * (self.folder / "raw.onnx").stat().st_size)

    def test_the_same_export_is_the_same_file(self):
        self.export("once.onnx")
        self.export("again.onnx")
        self.assertEqual((self.folder / "once.onnx").read_bytes(), (self.folder / "again.onnx").read_bytes())

    def test_a_model_card_stands_beside_the_model(self):
        self.export("carded/student.onnx")
        card = (self.folder / "carded" / "README.md").read_text()
        scores = json.loads((self.folder / "run" / "run.json").read_text())["evaluation"]
        for text in ("# student.onnx", f"{scores['protocol']} protocol, {scores['images']} images", "| car |", "## Limits", "Too few objects to judge by",
                     f"train = '{self.data}/train'", "training images: ", "epochs = 1", "exported from"):
            self.assertIn(text, card)
        self.export("carded/student.onnx", "--decoded")
        self.assertIn("decoded outputs", (self.folder / "carded" / "README.md").read_text())  # our own is brought up to date
        (self.folder / "carded" / "README.md").write_text("mine")
        self.export("carded/student.onnx")
        self.assertEqual((self.folder / "carded" / "README.md").read_text(), "mine")
        self.assertIn("# student.onnx", (self.folder / "carded" / "student.onnx.README.md").read_text())

    def test_only_the_models_own_run_is_in_its_card(self):
        for name, record in {"foreign": "{}", "another": (self.folder / "run" / "run.json").read_text()}.items():
            place = self.folder / name
            place.mkdir()
            (place / "run.json").write_text(record)
            other = bytearray(self.model.read_bytes())
            other[-1] ^= 1
            (place / "model.safetensors").write_bytes(other)
            self.succeed("export", "--model", place / "model.safetensors", "--out", place / "model.onnx")
            self.assertNotIn("training images: ", (place / "README.md").read_text())

    def test_no_card_is_lost_that_is_anothers_or_was_changed(self):
        folder = self.folder / "cards"
        self.export("cards/first.onnx")
        first = (folder / "README.md").read_text()
        self.export("cards/second.onnx", "--decoded")
        self.assertEqual((folder / "README.md").read_text(), first)
        self.assertIn("# second.onnx", (folder / "second.onnx.README.md").read_text())
        (folder / "README.md").write_text(first + "Not for nights.\n")
        self.assertIn("first.onnx.README.md", self.export("cards/first.onnx").stderr)
        self.assertEqual((folder / "README.md").read_text(), first + "Not for nights.\n")
        (folder / "first.onnx.README.md").write_text(first.replace("# first.onnx", "# First"))
        self.assertIn("warning", self.export("cards/first.onnx").stderr)
        self.assertEqual((folder / "first.onnx.README.md").read_text(), first.replace("# first.onnx", "# First"))

    def test_calibration_inputs_are_spread_over_the_set(self):
        self.export("calibrated.onnx", "--calibrate", self.data / "train", "--calibration-images", 3)
        files = sorted(path.name for path in (self.folder / "calibrated.onnx.calibration").iterdir())
        self.assertEqual(files, ["0000.safetensors", "0001.safetensors", "0002.safetensors"])
        self.assertIn(b'"images"', (self.folder / "calibrated.onnx.calibration" / files[0]).read_bytes())

    def test_calibration_inputs_are_read_as_their_set_says_and_are_of_this_call_alone(self):
        turned = self.folder / "turned"
        shutil.copytree(self.data / "val", turned)
        orientation = struct.pack("<2sHIH", b"II", 42, 8, 1) + struct.pack("<HHIHHI", 0x112, 3, 1, 6, 0, 0)
        exif = b"Exif\0\0" + orientation
        for path in (turned / "images").iterdir():
            whole = path.read_bytes()
            path.write_bytes(whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole[2:])
        written = {}
        for name, spec in {"plain": self.data / "val", "turned": turned, "stored": f"orientation=stored,{turned}"}.items():
            self.export("frames.onnx", "--calibrate", spec, "--calibration-images", 2)
            written[name] = (self.folder / "frames.onnx.calibration" / "0001.safetensors").read_bytes()
        self.assertEqual(written["stored"], written["plain"])
        self.assertNotEqual(written["turned"], written["plain"])
        self.export("frames.onnx", "--calibrate", turned, "--calibration-images", 1)
        self.assertEqual([path.name for path in (self.folder / "frames.onnx.calibration").iterdir()], ["0000.safetensors"])

    def test_images_fit_a_small_fixed_input(self):
        done = self.export("small.onnx", "--size", "96x64")
        self.assertIn("scaled to 96x64 px", done.stderr)
        self.assertRegex((self.folder / "small.onnx").read_bytes(), rb'"long_side":\s*96\b')
        found = self.run_program("predict", "--model", self.folder / "small.onnx", self.data / "val" / "images", "--out", self.folder / "found")
        self.assertTrue(found.returncode == 0 or "no OpenVINO" in found.stderr, found.stderr)

    def test_the_model_is_not_written_over(self):
        before = self.model.read_bytes()
        self.refuse("export", "--model", self.model, "--out", self.model.parent / ".." / "run" / self.model.name,
                    expect=["--out", self.model.name, "the input"])
        self.assertEqual(self.model.read_bytes(), before)

    def test_mistakes_are_one_line_and_leave_no_file(self):
        command = ["export", "--model", self.model, "--out", self.folder / "no.onnx"]
        self.refuse(*command, "--size", "12x64", expect=["--size", "12x64", "32"])
        self.refuse(*command, "--size", "big", expect=["--size", "big"])
        self.refuse(*command, "--to", "tflite", expect=["tflite"])
        self.refuse(*command, "--score", "0.5", expect=["--decoded"])
        self.refuse(*command, "--image", self.folder / "none.jpg", expect=["none.jpg"])
        self.refuse(*command, "--calibrate", self.folder / "nothing", expect=["nothing"])
        self.refuse("export", "--model", self.folder / "tiny.toml", "--out", self.folder / "no.onnx", expect=["tiny.toml"])
        self.assertFalse((self.folder / "no.onnx").exists())
        blocked = self.folder / "tiny.toml" / "below.onnx"
        self.refuse("export", "--model", self.model, "--out", blocked, expect=["tiny.toml", "cannot"])

    def test_int8_says_what_it_lacks_and_leaves_no_file(self):
        command = ["export", "--model", self.model, "--out", self.folder / "no.int8.onnx"]
        self.refuse(*command, "--precision", "int8", expect=["--calibrate"])
        self.refuse(*command, "--evaluate", self.data / "val", expect=["--evaluate", "int8"])
        self.refuse(*command, "--precision", "int8", "--calibrate", self.data / "train", "--decoded", "--evaluate", self.data / "val", expect=["--evaluate"])
        for python, said in (("/no/such/python", ["/no/such/python", "SKYLIFT_PYTHON"]), ("false", ["false", "nncf"])):
            self.refuse(*command, "--precision", "int8", "--calibrate", self.data / "train", expect=said, env=os.environ | {"SKYLIFT_PYTHON": python})
        self.assertFalse((self.folder / "no.int8.onnx").exists())

    def test_int8_is_written_where_there_is_nncf(self):
        python = pathlib.Path(__file__).resolve().parents[2] / ".deps" / "quantize-venv" / "bin" / "python"
        if not python.exists():
            self.skipTest("no .deps/quantize-venv (scripts/quantize.sh makes it)")
        done = self.succeed("export", "--model", self.model, "--out", self.folder / "small.int8.onnx", "--precision", "int8", "--calibrate",
                            self.data / "train", "--calibration-images", 3, "--evaluate", self.data / "val",
                            env=os.environ | {"SKYLIFT_PYTHON": str(python)})
        self.assertRegex(done.stdout, r"int8 lost -?\d+\.\d\d AP")
        self.assertIn(b"QuantizeLinear", (self.folder / "small.int8.onnx").read_bytes())
        self.succeed("eval", "--data", self.data / "val", "--model", self.folder / "small.int8.onnx")

    def test_quantize_script_refuses_what_it_cannot_use(self):
        script = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "quantize.sh"
        done = subprocess.run([script, "only-one"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("MODEL CALIBRATION_SPEC OUT", done.stderr)


if __name__ == "__main__":
    unittest.main()
