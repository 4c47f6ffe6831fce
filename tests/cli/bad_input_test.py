"""Broken input, as users have it: one clear line that says where and what, exit status 2, nothing written."""
import os
import pathlib
import shutil
import subprocess
import unittest

from program import PROGRAM, ProgramTest


class BadInputTest(ProgramTest):
    def setUp(self):
        self.data, self.config = self.make_scenes()
        self.broken = self.folder / "broken"
        shutil.rmtree(self.broken, ignore_errors=True)
        shutil.copytree(self.data, self.broken)
        self.out = self.folder / "out"

    def refuse_training(self, *more, expect):
        broken = ["--set", f"data.train={self.broken}/train", "--set", f"data.val={self.broken}/val"]
        self.refuse("train", "--config", self.config, *broken, *more, "--out", self.out, expect=expect)
        self.assertFalse((self.out / "last.safetensors").exists())
        shutil.rmtree(self.out, ignore_errors=True)

    def first_image(self):
        return sorted((self.broken / "train" / "images").iterdir())[0]

    def test_missing_image(self):
        image = self.first_image()
        image.unlink()
        self.refuse_training(expect=[image.stem])

    def test_truncated_jpeg(self):
        image = self.first_image()
        image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
        self.refuse_training(expect=[image.name, "truncated"])

    def test_wrong_annotation_line(self):
        annotation = sorted((self.broken / "train" / "annotations").iterdir())[0]
        annotation.write_text("1,2,3,4,1,4,0,0\n1,2,three,4,1,4,0,0\n")
        self.refuse_training(expect=[f"{annotation.name}:2", "three"])

    def test_empty_data_set(self):
        shutil.rmtree(self.broken / "train" / "images")
        shutil.rmtree(self.broken / "train" / "annotations")
        (self.broken / "train" / "images").mkdir()
        (self.broken / "train" / "annotations").mkdir()
        self.refuse_training(expect=["train", "no images"])

    def test_typo_in_a_config_key_names_the_nearest(self):
        self.config.write_text(self.config.read_text().replace("epochs", "epcohs"))
        self.refuse_training(expect=["tiny.toml:", "epcohs", "did you mean 'train.epochs'"])

    def test_weights_of_another_architecture(self):
        self.succeed("train", "--config", self.config, "--out", self.folder / "thin", "--set", "train.epochs=1")
        weights = self.folder / "thin" / "last.safetensors"
        self.refuse_training("--set", f"model.backbone.weights={weights}", "--set", "model.backbone.name=resnet50", expect=[weights.name])

    def test_not_a_model(self):
        self.refuse("info", self.config, expect=[self.config.name])
        self.refuse("predict", "--model", self.config, self.data / "val" / "images", "--out", self.out, expect=[self.config.name])

    def test_a_file_that_is_cut_while_it_is_read(self):
        file = self.folder / "long.json"
        file.write_bytes(b'{"images": [' + b" " * (1 << 28) + b'], "annotations": [], "categories": []}')
        with subprocess.Popen([PROGRAM, "data", "check", "--data", file], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            maps = pathlib.Path(f"/proc/{process.pid}/maps")
            while process.poll() is None and file.name not in maps.read_text():
                pass
            os.truncate(file, 1000)
            error = process.communicate(timeout=600)[1]
        self.assertEqual((process.returncode, error), (2, "skylift: a file that is being read was cut off meanwhile\n"))

    def test_a_full_disk_behind_stdout_is_no_success(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "methods"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write to stdout", done.stderr)

    def test_unknown_command_option_and_method(self):
        self.refuse("trian", expect=["trian"])
        self.refuse("synth", "--images", "many", "--out", self.out, expect=["many"])
        self.refuse("distill", "--config", self.config, "--teacher", "none.safetensors", "--method", "cdi", "--out", self.out,
                    expect=["cdi", "cid"])


if __name__ == "__main__":
    unittest.main()
