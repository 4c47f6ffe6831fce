"""skylift serve under malformed, slow, huge and concurrent requests over the loopback interface: it goes on answering.

SKYLIFT_ATTACK_REQUESTS=2000 python3 tests/cli/serve_attack_test.py is the whole campaign; by default it is a short one.
"""
import concurrent.futures
import http.client
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest
import zlib

from program import PROGRAM, ProgramTest

REQUESTS = int(os.environ.get("SKYLIFT_ATTACK_REQUESTS", "200"))
GET = b"GET /model HTTP/1.1\r\nHost: localhost\r\n\r\n"


def png(width, height):
    def chunk(kind, data):
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(min(height, 2000) * (1 + 3 * min(width, 2000))), 9)) + chunk(b"IEND", b"")


def post(body, query="", *headers):
    lines = [f"POST /detect{query} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Attack:
    """Each kind sends something from which a server may suffer; what comes back, if anything, is its own affair."""

    def __init__(self, port, image, seed):
        self.port, self.image, self.random = port, image, random.Random(seed)

    def send(self, data, wait=5, pause=0):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
                connection.sendall(data)
                time.sleep(pause)
                return connection.recv(1 << 16) if wait else b""
        except OSError:
            return b""

    def foreign_bytes(self):
        self.send(self.random.choice([b"\xff / HTTP/1.1\r\n", b"GET /\xff HTTP/1.1\r\n", b"POST /detect?\xff=\xff HTTP/1.1\r\nContent-Length: 0\r\n"]) +
                  b"Host: localhost\r\nX: \xff\r\n\r\n")

    def noise(self):
        self.send(self.random.randbytes(self.random.randrange(1, 3000)) + b"\r\n\r\n")

    def endless_header(self):
        self.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 2_000_000)

    def many_headers(self):
        self.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"h%d: x\r\n" % i for i in range(3000)) + b"\r\n")

    def huge_length(self):
        self.send(f"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10 ** self.random.randrange(7, 30)}\r\n\r\n".encode())

    def chunked(self):
        self.send(b"POST /detect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")

    def long_upload(self):
        self.send(post(b"\xff\xd8\xff" + bytes(3_900_000)))

    def half_sent(self):
        self.send(post(self.image)[: self.random.randrange(10, 500)], wait=3)

    def gone_at_once(self):
        self.send(post(self.image, "?tile=32"), wait=0.01)

    def smuggled(self):
        reply = self.send(post(GET * 10, "", "Origin: http://evil.example"))
        assert reply.count(b"HTTP/1.1 ") <= 1, reply

    def tile_bomb(self):
        self.send(post(png(2000, 2000), "?tile=32&overlap=0.9"))

    def pixel_bomb(self):
        self.send(post(png(self.random.choice([20_000, 60_000, 2 ** 31 - 1]), 60_000)))

    def cut_image(self):
        self.send(post(self.image[: self.random.randrange(len(self.image))]))

    def flipped_image(self):
        image = bytearray(self.image)
        for _ in range(20):
            image[self.random.randrange(len(image))] = self.random.randrange(256)
        self.send(post(bytes(image), "?tile=160"))

    def good_one(self):
        self.send(post(self.image))

    KINDS = [foreign_bytes, noise, endless_header, many_headers, huge_length, chunked, long_upload, half_sent, gone_at_once,
             smuggled, tile_bomb, pixel_bomb, cut_image, flipped_image, good_one]


class ServeAttackTest(ProgramTest):
    def setUp(self):
        model, data = self.make_model(train=4, val=1, size="320x240")
        self.image = sorted((data / "val" / "images").iterdir())[0].read_bytes()
        self.server = subprocess.Popen([PROGRAM, "serve", "--model", model, "--port", "0", "--max-upload-mb", "4"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.server.stdout.readline().strip().rstrip("/").rsplit(":", 1)[1])
        self.addCleanup(self.end)

    def end(self):
        self.server.send_signal(signal.SIGKILL)
        self.server.communicate()

    def peak_mb(self):
        with open(f"/proc/{self.server.pid}/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def ask(self, method, path, body=None):
        """Status and seconds of a request as a user sends it."""
        begin = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body)
        status = connection.getresponse().status
        connection.close()
        return status, time.monotonic() - begin

    def watch(self, over, seen):
        """Good requests all the while."""
        while not over.is_set():
            seen.append(("GET",) + self.ask("GET", "/model"))
            seen.append(("POST",) + self.ask("POST", "/detect", self.image))
            over.wait(0.1)

    def test_it_goes_on_answering(self):
        for _ in range(3):
            self.assertEqual(self.ask("POST", "/detect", self.image)[0], 200)
        before, over, seen = self.peak_mb(), threading.Event(), []
        with concurrent.futures.ThreadPoolExecutor(25) as pool:
            watcher = pool.submit(self.watch, over, seen)
            attacks = [pool.submit(Attack.KINDS[i % len(Attack.KINDS)], Attack(self.port, self.image, i)) for i in range(REQUESTS)]
            for attack in attacks:
                attack.result()
            over.set()
            watcher.result()
        self.assertIsNone(self.server.poll(), "the server has ended")
        slowest = {method: max(seconds for kind, _, seconds in seen if kind == method) for method in ("GET", "POST")}
        print(f"{REQUESTS} hostile requests, {len(seen)} good ones between them: slowest GET {slowest['GET']:.2f} s, "
              f"POST {slowest['POST']:.2f} s; peak memory {before:.0f} -> {self.peak_mb():.0f} MB")
        self.assertGreater(len(seen), 2)
        self.assertEqual({status for kind, status, _ in seen if kind == "GET"}, {200})
        self.assertLessEqual({status for kind, status, _ in seen if kind == "POST"}, {200, 503})
        self.assertIn(200, {status for kind, status, _ in seen if kind == "POST"})
        self.assertLess(self.peak_mb() - before, 400)
        self.assertEqual(self.ask("POST", "/detect", self.image)[0], 200)
        self.server.send_signal(signal.SIGTERM)
        self.server.communicate(timeout=60)
        self.assertEqual(self.server.returncode, 0)


if __name__ == "__main__":
    unittest.main()
