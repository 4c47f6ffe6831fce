"""What a message says: what the thing is that was given, and a way on that exists."""
import json
import pathlib
import re
import struct
import unittest

from program import ProgramTest, grey_png

ROOT = pathlib.Path(__file__).resolve().parents[2]

def field(number, data):
    """A protobuf field with a length."""
    length, rest = [], len(data)
    while rest >= 128:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([number << 3 | 2, *length, rest]) + data


def onnx_of_others():
    node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
    return b"\x08\x08" + field(7, field(1, node) + field(2, b"case") + field(12, field(1, b"y"))) + field(8, b"\x10\x11")


class MessagesTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model, data = cls.make_model()
        cls.images = data / "val" / "images"

    def test_what_is_no_model_is_called_by_its_name(self):
        kinds = {"page.pth": (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", ["web page"]),
                 "pointer.safetensors": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", ["Git LFS", "git lfs pull"]),
                 "photo.onnx": (grey_png(8, 8), ["picture"]),
                 "notes.safetensors": (b"[train]\nepochs = 3\n", ["text"])}
        out = self.folder / "none"
        for name, (content, expect) in kinds.items():
            path = self.folder / name
            path.write_bytes(content)
            for call in (["predict", "--model", path, self.images, "--out", out], ["info", path],
                         ["import", "--from", "torchvision", path, "--out", out], ["export", "--model", path, "--out", out]):
                message = self.refuse(*call, expect=[name, *expect])
                self.assertNotIn("header", message)
        weights = self.folder / "weights.pth"
        weights.write_bytes(b"PK\x03\x04")
        for call in (["predict", "--model", weights, self.images, "--out", out], ["info", weights]):
            self.refuse(*call, expect=["weights.pth", "PyTorch checkpoint", "skylift import"])
        other = self.folder / "other.onnx"
        other.write_bytes(onnx_of_others())
        self.refuse("info", other, expect=["other.onnx", "ONNX", "skylift export"])
        self.refuse("import", "--from", "torchvision", other, "--out", out, expect=["other.onnx", "ONNX"])
        self.assertFalse(out.exists())

    def test_what_opencv_says_of_an_image_is_not_said_twice(self):
        entries = [(256, 3, 64), (257, 3, 64), (258, 3, 8), (259, 3, 5), (262, 3, 1), (273, 4, 500), (277, 3, 1), (278, 3, 64), (279, 4, 4096)]
        tiff = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
        bmp = struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 64, 64, 1, 8, 1, 0, 0, 0, 256, 0)
        for name, content in {"cut.tif": tiff + bytes(4), "cut.bmp": bmp + bytes(300)}.items():
            image = self.folder / name
            image.write_bytes(content)
            done = self.run_program("predict", "--model", self.model, image, "--out", self.folder / "none")
            self.assertEqual(done.returncode, 2)
            self.assertNotIn("OpenCV", done.stderr)
            self.assertIn(f"{name}: not an image that can be read, or damaged", done.stderr)

    def test_our_onnx_files_are_described(self):
        for more, form in (([], "raw maps"), (["--decoded"], "boxes")):
            file = self.folder / "model.onnx"
            self.succeed("export", "--model", self.model, "--out", file, *more)
            text = self.succeed("info", file).stdout
            for expected in (form, "GFL: resnet18", "pedestrian, people", "GMACs"):
                self.assertIn(expected, text)
        done = self.run_program("predict", "--model", file, self.images, "--out", self.folder / "none")
        self.assertEqual(done.returncode, 2)
        self.assertTrue("without --decoded" in done.stderr or "no OpenVINO" in done.stderr, done.stderr)

    def test_a_folder_is_no_model(self):
        self.refuse("predict", "--model", self.model.parent, self.images, "--out", self.folder / "none", expect=["is a folder, expected a file"])

    def test_a_card_of_a_larger_network_than_the_file_is_no_model(self):
        file = self.folder / "model.onnx"
        self.succeed("export", "--model", self.model, "--out", file)
        data = file.read_bytes().decode(errors="replace")
        card = json.JSONDecoder().raw_decode(data[data.index('{"version"'):])[0]
        card["options"].update({"neck.channels": 1024, "head.channels": 1024})
        entry = field(1, b"skylift.model") + field(2, json.dumps(card).encode())
        file.write_bytes(b"\x08\x08" + field(7, field(12, field(1, b"boxes"))) + field(14, entry))
        self.refuse("info", file, expect=["model.onnx", "parameters", "cut off"])

    def test_addresses_are_not_fetched(self):
        page = "https://host.invalid/best.safetensors"
        out = self.folder / "none"
        for call in (["info", page], ["predict", "--model", page, self.images, "--out", out],
                     ["predict", "--model", self.model, "https://host.invalid/a/b.JPG?size=2", "--out", out],
                     ["predict", "--model", self.model, "HTTP://host.invalid/b.jpg", "--out", out],
                     ["predict", "--model", self.model, "s3://host.invalid/flights/", "--out", out],
                     ["import", "--from", "torchvision", page, "--out", out],
                     ["eval", "--gt", self.images.parent, "--dt", "http://host.invalid/dt.json"]):
            self.refuse(*call, expect=["host.invalid", "nothing is fetched"])

    def test_the_bare_program_and_group_say_what_there_is(self):
        text = self.succeed().stdout
        for command in ("demo", "train", "predict", "eval", "import", "data"):
            self.assertRegex(text, rf"(?m)^  {command} ")
        text = self.succeed("data", "--help").stdout
        for command in ("check", "stats", "convert", "split", "browse"):
            self.assertRegex(text, rf"(?m)^  {command} ")
        self.refuse("data", expect=["see skylift data --help"])

    def test_hints_name_options_that_exist(self):
        commands = re.findall(r"(?m)^  ([a-z]+) ", self.succeed().stdout)
        pages = [self.succeed(command, "--help").stdout for command in commands]
        for command, page in zip(commands, list(pages)):
            for part in re.findall(r"(?m)^  ([a-z]+) ", page.partition("Subcommands:")[2]):
                pages.append(self.succeed(command, part, "--help").stdout)
        known = {option for page in pages for option in re.findall(r"--[a-z][a-z-]*", page)}
        for path in [*ROOT.glob("apps/**/*.cpp"), *ROOT.glob("skylift/**/*.cpp")]:
            for literal in re.findall(r'"((?:[^"\\\n]|\\.)*)"', path.read_text()):
                for hint in re.findall(r"hint: [^)]*", literal):
                    for option in re.findall(r"--[a-z][a-z-]*", hint):
                        self.assertIn(option, known, f"{path.name}: {hint}")


if __name__ == "__main__":
    unittest.main()
