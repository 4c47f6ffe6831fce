"""Streams: what is found is written as it comes, a lost stream is looked for again, and Ctrl-C loses nothing."""
import contextlib
import http.server
import json
import signal
import subprocess
import threading
import time
import unittest

from program import PROGRAM, ProgramTest


class Camera(http.server.ThreadingHTTPServer):
    """Motion JPEG: a few frames a connection, then the connection is lost. After `connections` it gives no more frames."""

    def __init__(self, frame, frames, connections):
        self.frame, self.frames, self.connections, self.seen = frame, frames, connections, 0
        super().__init__(("127.0.0.1", 0), CameraHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class CameraHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        camera = self.server
        camera.seen += 1
        if camera.seen > camera.connections:
            return self.send_error(503)
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(camera.frame) + camera.frame + b"\r\n"
        with contextlib.suppress(ConnectionError):  # of a reader that was killed
            for _ in range(camera.frames):
                self.wfile.write(part)
                time.sleep(0.02)

    def log_message(self, *_):
        pass


class StreamTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model, data = cls.make_model()
        cls.frame = next((data / "val" / "images").iterdir()).read_bytes()

    def start(self, camera, out, *more, login=""):
        url = f"http://{login}127.0.0.1:{camera.server_address[1]}/live"
        return subprocess.Popen([PROGRAM, "predict", "--model", self.model, url, "--out", out, "--score", "0", *more],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def stop_after(self, connections, camera, process):
        """What it says on stderr when Ctrl-C ends it once it has tried to connect so often."""
        deadline = time.monotonic() + 60
        while camera.seen < connections and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
        camera.shutdown()
        camera.server_close()
        self.assertEqual(process.wait(), 130, errors)
        return errors

    def lines(self, out):
        return [json.loads(line) for path in out.glob("*.jsonl") for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def test_a_lost_stream_is_found_again_and_ctrl_c_keeps_what_was_found(self):
        camera, out = Camera(self.frame, frames=6, connections=2), self.folder / "live"
        with self.start(camera, out, "--draw") as process:
            self.assertIn("attempt 1 of 5", self.stop_after(3, camera, process))
        self.assertEqual([path.suffix for path in (out / "pictures").iterdir()], [".mp4"])
        frames = self.lines(out)
        self.assertGreater(len(frames), 6, "the second connection's frames are there")
        self.assertEqual([frame["frame"] for frame in frames], list(range(1, len(frames) + 1)))
        self.assertEqual(len(json.loads((out / "images.json").read_text())), len(frames))
        self.assertEqual(sum(len(frame["detections"]) for frame in frames), len(json.loads((out / "detections.json").read_text())))

    def test_a_password_is_nowhere(self):
        camera, out, account = Camera(self.frame, frames=6, connections=1), self.folder / "guarded", self.folder / "account.json"
        with self.start(camera, out, "--draw", "--json", account, login="user:geheim@") as process:
            told = [self.stop_after(2, camera, process), account.read_text()]
        self.assertIn("attempt 1 of 5", told[0])
        self.assertTrue(self.lines(out))
        for path in out.rglob("*"):
            told += [path.name, path.read_bytes().decode(errors="replace") if path.is_file() else ""]
        self.assertNotIn("geheim", "\n".join(told))

    def test_what_was_found_outlives_a_kill(self):
        camera, out = Camera(self.frame, frames=1000, connections=1), self.folder / "killed"
        with self.start(camera, out) as process:
            while process.poll() is None and not (out.exists() and len(self.lines(out)) >= 5):
                time.sleep(0.01)
            process.kill()
        camera.shutdown()
        camera.server_close()
        self.assertGreaterEqual(len(self.lines(out)), 5)


if __name__ == "__main__":
    unittest.main()
