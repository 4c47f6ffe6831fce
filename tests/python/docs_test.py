"""The examples of docs/python.md run, one after the other in one folder, as a notebook's cells do."""
import os
import pathlib
import re
import unittest

from tiny import FolderTest

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "python.md"


class DocsTest(FolderTest):
    def test_examples(self):
        cells = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
        self.assertGreater(len(cells), 5)
        os.chdir(self.folder)
        names = {}
        for number, cell in enumerate(cells, 1):
            exec(compile(cell, f"docs/python.md, example {number}", "exec"), names)


if __name__ == "__main__":
    unittest.main()
