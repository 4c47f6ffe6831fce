"""The installed package: examples/predict is configured against it, built, and run on a picture."""
import os
import pathlib
import subprocess
import unittest

from program import PROGRAM, ProgramTest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(PROGRAM).parent


class InstallTest(ProgramTest):
    def run_tool(self, *command, **options):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_example_builds_and_runs_against_the_installed_package(self):
        prefix, build = self.folder / "prefix", self.folder / "example"
        self.run_tool("cmake", "--install", BUILD, "--prefix", prefix)
        headers = sorted(str(path.relative_to(prefix / "include")) for path in (prefix / "include").rglob("*.h"))
        self.assertEqual(headers, ["skylift/annotations/annotations.h", "skylift/annotations/detections.h",
                                   "skylift/formats/image_header.h", "skylift/infer/options.h", "skylift/infer/predictor.h"])
        environment = {key: value for key, value in os.environ.items() if key not in ("LD_LIBRARY_PATH", "CMAKE_PREFIX_PATH")}
        self.run_tool("cmake", "-S", SOURCE / "examples" / "predict", "-B", build, "-D", f"CMAKE_PREFIX_PATH={prefix}",
                      env=environment)
        self.run_tool("cmake", "--build", build, env=environment)

        data, config = self.make_scenes(train=4, val=1)
        config.write_text(config.read_text().replace("epochs = 2", "epochs = 1"))
        self.run_tool(prefix / "bin" / "skylift", "train", "--config", config, "--out", self.folder / "run", env=environment)
        model, image = self.folder / "run" / "last.safetensors", next((data / "val" / "images").iterdir())
        self.run_tool(build / "predict", model, image, env=environment)
        self.run_tool(build / "predict", model, image, 64, env=environment)
        done = subprocess.run([build / "predict", model, config], capture_output=True, text=True, env=environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn("tiny.toml", done.stderr)


if __name__ == "__main__":
    unittest.main()
