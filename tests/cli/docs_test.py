"""The tables of docs/ are those that the program prints."""
import os
import pathlib
import subprocess
import sys
import unittest

from program import PROGRAM, ProgramTest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts/update-docs.py"


class DocsTest(ProgramTest):
    def test_generated_tables_have_not_drifted(self):
        result = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, env={**os.environ, "SKYLIFT_PROGRAM": str(PROGRAM)})
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_every_method_and_distillation_option_is_in_the_page(self):
        page = (SCRIPT.parent.parent / "docs/methods.md").read_text()
        for line in self.succeed("options", "kd.").stdout.splitlines():
            self.assertIn(f"`{line.split()[0]}`", page)
        for line in self.succeed("methods").stdout.splitlines():
            self.assertIn(f"### `{line.split()[0]}`", page)


if __name__ == "__main__":
    unittest.main()
