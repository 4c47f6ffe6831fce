"""Training from Python: the program's run, progress, stops that can be gone on from, export."""
import os
import signal
import subprocess
import sys
import textwrap
import threading
import unittest

import numpy as np

import skylift
from tiny import OPTIONS, FolderTest


def losses(run):
    return run.metrics()["loss"]


class TrainingTest(FolderTest):
    def test_a_run_is_the_programs_and_tells_its_progress(self):
        seen = []
        run = self.train("python", progress=lambda *update: seen.append(update))
        settings = [part for key, value in OPTIONS.items() for part in ("--set", f"{key}={value}")]
        (self.folder / "empty.toml").write_text("")
        self.program("train", "--config", self.folder / "empty.toml", "--data", self.make_scenes(), "--out", self.folder / "program", *settings)
        np.testing.assert_array_equal(losses(run), losses(skylift.Run(self.folder / "program")))
        steps = run.record["total_steps"]
        self.assertEqual((run.state, run.record["step"]), ("done", steps))
        self.assertGreater(steps, 1)
        self.assertEqual(run.options["train.batch_size"], "2")
        self.assertEqual([update[1:3] for update in seen if update[0] == "train"], [(done, steps) for done in range(1, steps + 1)])
        self.assertTrue(run.model.exists())
        self.assertEqual(len(run.metrics("eval")["step"]), 1)

    def test_a_student_under_a_teacher(self):
        teacher = self.train("teacher", train__seed=3)
        student = skylift.distill(None, teacher=teacher.path / "last.safetensors", method="cid,ld", out=self.folder / "student",
                                  data=self.make_scenes(), options={**OPTIONS, "kd.min_teacher_ap50": 0})
        self.assertEqual(student.state, "done")
        self.assertTrue(any(name.startswith("kd_") for name in student.metrics()), list(student.metrics()))
        with self.assertRaises(FileNotFoundError):
            skylift.distill(None, teacher="nowhere.safetensors", out=self.folder / "none")

    def test_what_a_callback_raises_stops_the_run_which_can_be_gone_on_with(self):
        whole = self.train("whole", train__epochs=2)

        def stop_at_two(task, done, total, note):
            if task == "train" and done == 2:
                raise LookupError("enough")

        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        with self.assertRaisesRegex(LookupError, "enough"):
            self.train("stopped", train__epochs=2, progress=stop_at_two)
        self.assertEqual((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)), before)
        stopped = skylift.Run(self.folder / "stopped")
        self.assertEqual(stopped.state, "interrupted")
        np.testing.assert_array_equal(losses(self.train("stopped", train__epochs=2, resume=True)), losses(whole))

    def expect_clean_stop(self, name, script):
        """Of a process of its own, which says so."""
        script = "import os, signal, sys\nimport skylift\nfrom tiny import OPTIONS\n" + script
        done = subprocess.run([sys.executable, "-c", script, self.folder / name, self.make_scenes()], capture_output=True, text=True,
                              cwd=os.path.dirname(os.path.abspath(__file__)), timeout=600)
        self.assertEqual((done.stdout, done.stderr), ("clean interrupted\n", ""))

    def test_an_interrupt_is_a_clean_stop(self):
        script = textwrap.dedent("""
            def progress(task, done, total, note):
                if (task, done) == ("train", 2):
                    os.kill(os.getpid(), signal.SIGINT)
            try:
                skylift.train(None, out=sys.argv[1], data=sys.argv[2], options=OPTIONS, progress=progress)
            except KeyboardInterrupt:
                try:  # Python's own handler is back
                    os.kill(os.getpid(), signal.SIGINT)
                except KeyboardInterrupt:
                    print("clean", skylift.Run(sys.argv[1]).state)
            """)
        self.expect_clean_stop("interrupted", script)

    def test_a_callback_may_raise_after_an_interrupt(self):
        script = textwrap.dedent("""
            def progress(task, done, total, note):
                if (task, done) == ("train", 2):
                    os.kill(os.getpid(), signal.SIGINT)
                    raise LookupError("enough")
            try:
                skylift.train(None, out=sys.argv[1], data=sys.argv[2], options=OPTIONS, progress=progress)
            except LookupError:
                print("clean", skylift.Run(sys.argv[1]).state)
            """)
        self.expect_clean_stop("both", script)

    def test_one_training_at_a_time(self):
        refused = []

        def another(task, done, total, note):
            if (task, done) == ("train", 1):
                thread = threading.Thread(target=lambda: refused.append(self.refusal("second")))
                thread.start()
                thread.join()

        self.assertEqual(self.train("first", progress=another).state, "done")
        self.assertIn("under way", refused[0])
        self.assertEqual(self.train("second").state, "done")

    def refusal(self, name):
        try:
            self.train(name)
        except skylift.Error as error:
            return str(error)

    def test_exports_what_the_program_exports(self):
        model = self.train("exported").path / "last.safetensors"
        skylift.export_onnx(model, self.folder / "python.onnx", size=(128, 128), batch=1, decoded=True)
        self.program("export", "--model", model, "--out", self.folder / "program.onnx", "--size", "128x128", "--batch", 1, "--decoded")
        self.assertEqual((self.folder / "python.onnx").read_bytes(), (self.folder / "program.onnx").read_bytes())
        # Smaller than the model's: the card says that images are scaled to it.
        skylift.export_onnx(model, self.folder / "python.onnx", size=(96, 64))
        self.program("export", "--model", model, "--out", self.folder / "program.onnx", "--size", "96x64")
        self.assertEqual((self.folder / "python.onnx").read_bytes(), (self.folder / "program.onnx").read_bytes())
        before = model.read_bytes()
        with self.assertRaisesRegex(skylift.Error, "the input"):
            skylift.export_onnx(model, model.parent / ".." / model.parent.name / model.name)
        self.assertEqual(model.read_bytes(), before)
        with self.assertRaises(ValueError):
            skylift.export_onnx(model, self.folder / "no.onnx", precision="int4")
        with self.assertRaisesRegex(ValueError, "score_threshold"):
            skylift.export_onnx(model, self.folder / "no.onnx", decoded=True, score_threshold=7)

    def test_options_hold_any_letters(self):
        data = self.folder / "\N{HELICOPTER} \N{CLINKING BEER MUGS} \u00e9"
        data.symlink_to(self.make_scenes())
        options = {**OPTIONS, "data.train": data / "train", "data.val": str(data / "val")}
        run = skylift.train(None, out=self.folder / "letters", options=options)
        self.assertEqual((run.state, run.options["data.train"]), ("done", str(data / "train")))

    def test_refusals(self):
        with self.assertRaisesRegex(skylift.Error, "train.epoch"):
            self.train("refused", train__epoch=3)
        with self.assertRaisesRegex(skylift.Error, "recipe"):
            skylift.train("no such recipe", out=self.folder / "refused")
        with self.assertRaises(FileNotFoundError):
            skylift.train(None, out=self.folder / "refused", data="nowhere")
        with self.assertRaises(TypeError):
            skylift.train(None, out=3)
        self.assertRaises(FileNotFoundError, skylift.Run, "nowhere")
        self.assertRaises(skylift.Error, skylift.Run, self.folder)
        self.assertIn("lite0_student", " ".join(skylift.recipes()))


if __name__ == "__main__":
    unittest.main()
