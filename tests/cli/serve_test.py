"""skylift serve: the endpoint, what it refuses, and the page in a headless browser."""
import http.client
import json
import os
import pathlib
import signal
import struct
import subprocess
import unittest
import urllib.request
import zlib

from chromium import Page, find_chromium
from program import PROGRAM, ProgramTest


def png(width, height, rows=b""):
    """A PNG that says it has this size, with the given compressed rows."""
    def chunk(kind, data):
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class ServeTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model, data = cls.make_model(train=8, val=2, size="320x240")
        cls.image = sorted((data / "val" / "images").iterdir())[0]
        cls.server = subprocess.Popen([PROGRAM, "serve", "--model", cls.model, "--port", "0", "--max-upload-mb", "4",
                                       "--max-megapixels", "20"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        cls.url = cls.server.stdout.readline().strip()
        cls.host = cls.url.removeprefix("http://").removesuffix("/")

    @classmethod
    def tearDownClass(cls):
        cls.server.send_signal(signal.SIGTERM)
        cls.server.communicate(timeout=60)
        assert cls.server.returncode == 0, cls.server.returncode
        super().tearDownClass()

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        text = reply.read().decode()
        self.assertNotIn("Access-Control-Allow-Origin", reply.headers)
        return reply.status, json.loads(text) if reply.headers["Content-Type"] == "application/json" else text

    def test_detections_are_those_of_predict(self):
        status, reply = self.ask("POST", "/detect?score=0", self.image.read_bytes())
        self.assertEqual(status, 200, reply)
        self.assertEqual((reply["width"], reply["height"]), (320, 240))
        self.succeed("predict", "--model", self.model, self.image, "--out", self.folder / "out", "--score", 0)
        expected = json.loads((self.folder / "out" / "detections.json").read_text())
        self.assertEqual(len(reply["detections"]), len(expected))
        for ours, theirs in zip(reply["detections"], expected):
            self.assertAlmostEqual(ours["score"], theirs["score"], delta=1e-4)
        self.assertGreater(reply["latency_ms"]["detect"], 0)

    def test_a_request_chooses_score_and_tiles(self):
        image = self.image.read_bytes()
        count = lambda query: len(self.ask("POST", "/detect" + query, image)[1]["detections"])
        self.assertGreater(count("?score=0.001"), count("?score=0.9"))
        status, reply = self.ask("POST", "/detect?score=0.01&tile=160&overlap=0.25&merge=nmm&merge_metric=iou", image)
        self.assertEqual(status, 200, reply)

    def test_model_and_unknown_paths(self):
        status, model = self.ask("GET", "/model")
        self.assertEqual(status, 200)
        self.assertGreater(len(model["classes"]), 1)
        for path in ("/../../etc/passwd", "/%2e%2e/etc/passwd", "/model/", "//etc/passwd", "/index.html"):
            status, reply = self.ask("GET", path)
            self.assertEqual(status, 404, path)
            self.assertNotIn("root:", str(reply))
        for method, path in (("POST", "/model"), ("GET", "/detect"), ("PUT", "/")):
            self.assertEqual(self.ask(method, path)[0], 405, path)

    def test_what_it_refuses(self):
        image = self.image.read_bytes()
        for path, body, expected in (("/detect", b"", "is empty"), ("/detect", b"no image at all", "not an image"),
                                     ("/detect", image[: len(image) // 2], "image"),
                                     ("/detect?score=much", image, "score"), ("/detect?score=7", image, "score"),
                                     ("/detect?tile=-5", image, "tile"), ("/detect?tile=1e300", image, "tile"),
                                     ("/detect?colour=red", image, "colour"), ("/detect?merge=x", image, "merge")):
            status, reply = self.ask("POST", path, body)
            self.assertEqual(status, 400, (path, reply))
            self.assertIn(expected, reply["error"])

    def test_huge_images_are_refused_before_they_are_decoded(self):
        rows = zlib.compress(b"\0" * 10_000_000)
        status, reply = self.ask("POST", "/detect", png(60000, 60000, rows))
        self.assertEqual(status, 400)
        self.assertIn("60000x60000", reply["error"])
        jpeg = bytearray(self.image.read_bytes())
        at = next(i for i in range(2, len(jpeg)) if jpeg[i] == 0xFF and jpeg[i + 1] in (0xC0, 0xC2))
        jpeg[at + 5 : at + 9] = struct.pack("!HH", 65000, 65000)
        status, reply = self.ask("POST", "/detect", bytes(jpeg))
        self.assertEqual(status, 400)
        self.assertIn("65000x65000", reply["error"])

    def test_long_uploads_are_refused(self):
        try:
            status, _ = self.ask("POST", "/detect", b"\xff\xd8\xff" + b"\0" * (6 << 20))
            self.assertEqual(status, 413)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up in the middle, which is as good
        self.assertEqual(self.ask("GET", "/model")[0], 200)

    def test_other_sites_are_refused(self):
        image = self.image.read_bytes()
        self.assertEqual(self.ask("POST", "/detect", image, Origin="http://evil.example")[0], 403)
        self.assertEqual(self.ask("GET", "/model", Host="evil.example")[0], 403)
        self.assertEqual(self.ask("POST", "/detect", image, Origin=self.url.rstrip("/"))[0], 200)

    def test_listening_everywhere_keeps_the_guard_against_rebinding(self):
        server = subprocess.Popen([PROGRAM, "serve", "--model", self.model, "--port", "0", "--host", "0.0.0.0", "--allow-host", "drone.local"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            port = server.stdout.readline().strip().rstrip("/").rsplit(":", 1)[1]
            for host, expected in (("evil.example:" + port, 403), ("127.0.0.1:" + port, 200), ("192.0.2.7:" + port, 200),
                                   ("drone.local:" + port, 200), ("localhost:" + port, 200)):
                connection = http.client.HTTPConnection("127.0.0.1:" + port, timeout=60)
                connection.request("GET", "/model", headers={"Host": host})
                self.assertEqual(connection.getresponse().status, expected, host)
                connection.close()
        finally:
            server.kill()
            server.communicate()

    def test_a_port_that_is_taken(self):
        port = self.host.split(":")[1]
        self.refuse("serve", "--model", self.model, "--port", port, expect=[port, "cannot listen"])

    def serve(self, *more):
        """Another server's address; it ends with the test."""
        server = subprocess.Popen([PROGRAM, "serve", "--model", self.model, "--port", "0", *more], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(lambda: (server.kill(), server.communicate()))
        return server.stdout.readline().strip()

    def test_model_tells_what_the_command_line_chose(self):
        url = self.serve("--score", "0.02", "--tile", "800", "--overlap", "0.3", "--merge", "nmm", "--orientation", "stored")
        with urllib.request.urlopen(url + "model", timeout=60) as reply:
            model = json.load(reply)
        self.assertEqual({name: model[name] for name in ("score", "tile", "overlap", "merge", "orientation")},
                         {"score": 0.02, "tile": 800, "overlap": 0.3, "merge": "nmm", "orientation": "stored"})

    @unittest.skipUnless(find_chromium(), "no Chromium on this machine")
    def test_the_page_begins_with_the_command_line_and_turns_pictures(self):
        whole = self.image.read_bytes()
        exif = b"Exif\0\0" + struct.pack("<2sHIH", b"II", 42, 8, 1) + struct.pack("<HHIHHI", 0x112, 3, 1, 6, 0, 0)
        turned = self.folder / "turned.jpg"
        turned.write_bytes(whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole[2:])
        chosen = ("--score", "0.02", "--tile", "800", "--overlap", "0.3", "--merge", "nmm")
        for more, size in (chosen, [240, 320]), (("--orientation", "stored"), [320, 240]):
            page = Page(find_chromium(), self.serve(*more))
            try:
                page.upload("#file", turned)
                page.wait_for(lambda: page.evaluate("state.status") in ("done", "failed"), "detections")
                self.assertEqual(page.evaluate("at('error').textContent"), "")
                if more == chosen:
                    self.assertEqual(page.evaluate("['score', 'tile', 'overlap', 'merge'].map(id => at(id).value)"), ["0.02", "800", "0.3", "nmm"])
                self.assertEqual(page.evaluate("[at('canvas').width, at('canvas').height]"), size)
                last = f"at('canvas').getContext('2d').getImageData({size[0] - 1}, {size[1] - 1}, 1, 1).data[3]"
                self.assertEqual(page.evaluate(last), 255)  # the picture fills the canvas
            finally:
                page.close()

    @unittest.skipUnless(find_chromium(), "no Chromium on this machine")
    def test_the_page_in_a_browser(self):
        page = Page(find_chromium(), self.url)
        try:
            page.wait_for(lambda: page.evaluate("document.getElementById('model')?.textContent ?? ''") != "", "the page")
            page.evaluate("at('score').value = 0.05")
            page.upload("#file", self.image)
            page.wait_for(lambda: page.evaluate("state.status") in ("done", "failed"), "detections")
            self.assertEqual(page.evaluate("at('error').textContent"), "")
            self.assertEqual(page.evaluate("[at('canvas').width, at('canvas').height]"), [320, 240])
            _, expected = self.ask("POST", "/detect?score=0.05", self.image.read_bytes())
            self.assertEqual(page.evaluate("state.result.detections.length"), len(expected["detections"]))
            self.assertEqual(page.evaluate("at('counts').lastChild.lastChild.textContent"), str(len(expected["detections"])))
            # The canvas shows the photograph, not an empty surface.
            colours = page.evaluate("new Set(at('canvas').getContext('2d').getImageData(0, 0, 320, 240).data).size")
            self.assertGreater(colours, 20)
            page.evaluate("at('tile').value = '320'; at('tile').dispatchEvent(new Event('change'))")
            page.wait_for(lambda: page.evaluate("state.status") == "done", "tiled detections")
            broken = self.folder / "broken.jpg"
            broken.write_bytes(self.image.read_bytes()[:500])
            page.upload("#file", broken)
            page.wait_for(lambda: page.evaluate("state.status") == "failed", "a message")
            self.assertIn("image", page.evaluate("at('error').textContent"))
            if folder := os.environ.get("SKYLIFT_SCREENSHOTS"):
                page.screenshot(pathlib.Path(folder) / "serve.png")
        finally:
            page.close()


if __name__ == "__main__":
    unittest.main()
