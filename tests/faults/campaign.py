#!/usr/bin/env python3
"""Faults on purpose: kills, full disks, damage, vanished images, two processes, signals. After each of them the same
command, or --resume, has to end in the very bytes of an uninterrupted run. Writes a table into the page it is given.

    python3 tests/faults/campaign.py build/skylift [--page docs/reliability.md] [--only NAME] [--share 0.1] [--seed 1]
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CONFIG = """
[data]
train = "{data}/train"
val = "{data}/val"
threads = 2
[data.input]
long_side = 96
short_side = 96
[data.augment]
scale_min = 1.0
scale_max = 1.0
photometric = 0.0
[model.backbone]
width = 0.25
[model.neck]
channels = 16
last_level = 5
[model.head]
channels = 16
depth = 1
[train]
epochs = 3
batch_size = 4
checkpoint_every = 1
[train.schedule]
warmup_steps = 2
milestones = [2]
[train.ema]
decay = 0.9
[kd]
min_teacher_ap50 = 0.0
methods = ["ld"]
region = "cid"
"""

PLAN = """
seeds = [0]
[[run]]
name = "teacher"
config = "tiny.toml"
[[run]]
name = "student"
config = "tiny.toml"
teacher = "teacher"
"""


class Lost(Exception):
    """A fault was not survived."""


def must(condition, text):
    if not condition:
        raise Lost(text)


class Campaign:
    def __init__(self, program, folder, share, rng):
        self.program, self.folder, self.share, self.random = str(program), folder, share, rng
        self.data, self.config, self.plan = folder / "data", folder / "tiny.toml", folder / "plan.toml"
        self.rows, self.lost = [], []

    # Running the program.

    def start(self, *arguments):
        return subprocess.Popen([self.program, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments):
        process = self.start(*arguments)
        errors = process.communicate(timeout=600)[1]
        return process.returncode, errors

    def succeed(self, *arguments):
        code, errors = self.run(*arguments)
        must(code == 0, f"{' '.join(map(str, arguments))}: exit {code}: {errors[-300:]}")
        return errors

    def train(self, out, *more):
        """The command of the run in a folder: whoever finds a run there goes on with it."""
        begun = any((out / name).exists() for name in ("metrics.jsonl", "resume/state.safetensors", "resume/previous.safetensors"))
        return ("train", "--config", self.config, "--out", out, *more, *(("--resume",) if begun else ()))

    def distill(self, out):
        _, *rest = self.train(out)
        return ("distill", *rest, "--teacher", self.whole / "last.safetensors", "--set", f"kd.cache={self.cache}")

    def kill(self, arguments, delay, until=None):
        """Runs for a while, or until something is to be seen, and kills. False: it was done before."""
        process = self.start(*arguments)
        begin = time.monotonic()
        while process.poll() is None and (time.monotonic() - begin < delay if until is None else not until()):
            time.sleep(0.001)
        done = process.poll() is not None
        process.kill()
        errors = process.communicate()[1]
        must(not done or process.returncode == 0, f"exit {process.returncode}: {errors[-300:]}")
        return not done

    # What has to come out.

    def prepare(self):
        for name, images, seed in (("train", 12, 1), ("val", 4, 2)):
            self.succeed("synth", "--out", self.data / name, "--images", images, "--size", "96x96", "--seed", seed)
        self.config.write_text(CONFIG.format(data=self.data))
        self.plan.write_text(PLAN)
        self.whole, self.distilled, self.studied = (self.folder / name for name in ("whole", "distilled", "studied"))
        begin = time.monotonic()
        self.succeed(*self.train(self.whole))
        self.seconds = time.monotonic() - begin
        self.cache = self.folder / "signals.kd"
        self.succeed(*self.distill(self.distilled))
        self.stored = self.cache.read_bytes()
        self.succeed("study", "--config", self.plan, "--out", self.studied)
        self.exported = self.folder / "whole.onnx"

    def export(self, out):
        return ("export", "--model", self.whole / "last.safetensors", "--to", "onnx", "--out", out)

    def lines(self, out):
        """The metrics without what the clock puts in."""
        of_the_clock = ("time", "images_per_s", "data_wait", "peak_memory_mib")
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        return [{key: value for key, value in line.items() if key not in of_the_clock} for line in lines]

    def same(self, out, whole):
        must(self.lines(out) == self.lines(whole), f"{out.name}: metrics.jsonl is not that of the uninterrupted run")
        for name in ("last.safetensors", "best.safetensors"):
            must((out / name).read_bytes() == (whole / name).read_bytes(), f"{out.name}: {name} is not that of the uninterrupted run")
        leftovers = [path.name for path in out.rglob("*.tmp-*")]
        must(not leftovers, f"{out.name}: left behind: {leftovers}")

    def finish(self, out):
        self.succeed(*self.train(out))
        self.same(out, self.whole)

    def fresh(self, name):
        self.number = getattr(self, "number", 0) + 1
        return self.folder / f"{name}{self.number}"

    def row(self, what, wanted, trial):
        """`trial` makes one or more faults and returns how many; it raises Lost where one was not survived."""
        wanted = max(1, round(wanted * self.share))
        tried = lost = 0
        while tried < wanted:
            try:
                tried += trial(min(wanted - tried, 5))
            except (Lost, OSError, subprocess.TimeoutExpired) as problem:
                tried, lost = tried + 1, lost + 1
                self.lost.append(f"{what}: {problem}")
                print(f"LOST: {self.lost[-1]}", file=sys.stderr)
            print(f"\r{what}: {tried}/{wanted}", end="", file=sys.stderr)
        print(file=sys.stderr)
        self.rows.append((what, tried, tried - lost))

    # Faults.

    def killed_training(self, name, moment):
        """One run, killed up to `count` times."""
        def trial(count):
            out, kills = self.fresh(name), 0
            for _ in range(count):
                kills += self.kill(self.train(out), *moment(out))
            self.finish(out)
            shutil.rmtree(out)
            return kills
        return trial

    def at_any_moment(self, _):
        return (self.random.uniform(0.1, 1.0) * self.seconds,)

    def while_a_state_is_written(self, out):
        skip = self.random.randrange(6)  # of the writes that are seen
        seen = set()
        def until():
            with contextlib.suppress(FileNotFoundError):
                seen.update(path.name for path in (out / "resume").iterdir() if ".tmp-" in path.name)
            return len(seen) > skip
        return None, until

    def while_it_evaluates(self, out):
        log = out / "metrics.jsonl"
        wanted = self.random.randrange(3, 10, 3)  # epochs have three steps
        wait = self.random.uniform(0, 0.1)
        def until():
            if log.exists() and log.read_text().count('"train"') >= wanted:
                time.sleep(wait)
                return True
            return False
        return None, until

    def killed_caching(self, count):
        out, kills = self.fresh("cached"), 0
        self.cache.unlink()
        def is_written(): return any(self.folder.glob(f"{self.cache.stem}.tmp-*"))
        for _ in range(count):
            wait = self.random.uniform(0, 0.1)
            kills += self.kill(self.distill(out), None, lambda: is_written() and (time.sleep(wait) or True))
        self.succeed(*self.distill(out))
        must(self.cache.read_bytes() == self.stored, "the stored signals differ")
        self.same(out, self.distilled)
        must(not is_written(), "a half-written cache was left behind")
        return kills

    def killed_study(self, count):
        out, kills = self.fresh("study"), 0
        command = ("study", "--config", self.plan, "--out", out)
        for _ in range(count):
            kills += self.kill(command, self.random.uniform(0.1, 2) * self.seconds)
        self.succeed(*command)
        for run in ("teacher", "student"):
            self.same(out / run / "seed0", self.studied / run / "seed0")
        def scores(folder): return [run["seeds"][0]["scores"] for run in json.loads((folder / "results.json").read_text())["runs"]]
        must(scores(out) == scores(self.studied), "the table differs")
        shutil.rmtree(out)
        return kills

    def killed_export(self, count):
        if not self.exported.exists():
            self.succeed(*self.export(self.exported))
        out, kills = self.fresh("exported") / "model.onnx", 0
        for _ in range(count):
            kills += self.kill(self.export(out), self.random.uniform(0.2, 1.0) * self.seconds)
            must(not out.exists() or out.read_bytes() == self.exported.read_bytes(), "a file that is not whole")
        self.succeed(*self.export(out))
        must(out.read_bytes() == self.exported.read_bytes(), "the exported file differs")
        return kills

    def damaged(self, damage):
        """The newest state of a run that was killed in its second epoch."""
        source = self.folder / "half"
        if not source.exists():
            self.kill(self.train(source), None, lambda: (source / "metrics.jsonl").exists() and (source / "metrics.jsonl").read_text().count('"train"') >= 4)
        def trial(_):
            out = self.fresh("damaged")
            shutil.copytree(source, out)
            state = out / "resume" / "state.safetensors"
            state.write_bytes(damage(bytearray(state.read_bytes())))
            errors = self.succeed(*self.train(out))
            must("going on from the state before it" in errors, "the damage was not said")
            self.same(out, self.whole)
            shutil.rmtree(out)
            return 1
        return trial

    def cut(self, state):
        return state[:self.random.randrange(len(state))]

    def flip(self, state):
        state[self.random.randrange(len(state))] ^= 1 << self.random.randrange(8)
        return state

    @contextlib.contextmanager
    def small_disk(self, kilobytes):
        disk = self.fresh("disk")
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", disk], check=True)
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)

    def full_disk(self, _):
        """A disk that grows whenever it is full, so that every write fails once somewhere in its middle."""
        need = sum(path.stat().st_size for path in self.whole.rglob("*") if path.is_file()) // 1024
        failures, size = 0, 4
        with self.small_disk(size) as disk:
            out = disk / "run"
            while True:
                code, errors = self.run(*self.train(out))
                if code == 0:
                    break
                must(code == 2 and errors.strip().splitlines()[-1].startswith("skylift: "), f"exit {code}: {errors[-300:]}")
                leftovers = [path.name for path in out.rglob("*.tmp-*")] if out.exists() else []
                must(not leftovers, f"left behind on the full disk: {leftovers}")
                failures += 1
                size += self.random.randrange(4, max(8, need // 20))
                subprocess.run(["mount", "-o", f"remount,size={size}k", disk], check=True)
            self.same(out, self.whole)
        return failures

    def read_only(self, _):
        with self.small_disk(200000) as disk:
            out = disk / "run"
            self.kill(self.train(out), None, lambda: (out / "metrics.jsonl").exists() and (out / "metrics.jsonl").read_text().count('"train"') >= 2)
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            for command in (self.train(out), self.train(disk / "other")):
                code, errors = self.run(*command)
                must(code == 2, f"exit {code}: {errors[-300:]}")
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
            self.finish(out)
        return 2

    def lost_image(self, spoil):
        def trial(_):
            data, out = self.fresh("data"), self.fresh("images")
            shutil.copytree(self.data, data)
            settings = ("--set", f"data.train={data}/train", "--set", f"data.val={data}/val")
            images = sorted((data / self.random.choice(["train", "val"]) / "images").iterdir())
            image = self.random.choice(images)
            intact = image.read_bytes()
            process = self.start(*self.train(out, *settings))
            while process.poll() is None and not (out / "metrics.jsonl").exists():
                time.sleep(0.001)  # an image that is damaged before a run begins is that run's image
            time.sleep(self.random.uniform(0, 0.5) * self.seconds)
            spoil(image)
            errors = process.communicate()[1]
            must(process.returncode in (0, 2), f"exit {process.returncode}: {errors[-300:]}")
            must(process.returncode == 0 or image.name in errors or "images" in errors, f"the image is not named: {errors[-300:]}")
            image.write_bytes(intact)
            self.succeed(*self.train(out, *settings))
            must(self.lines(out) == self.lines(self.whole), "metrics.jsonl is not that of the uninterrupted run")
            return 1
        return trial

    def two_processes(self, _):
        out = self.fresh("shared")
        first, second = self.start(*self.train(out)), self.start(*self.train(out))
        codes = sorted((process.communicate()[1], process.returncode)[1] for process in (first, second))
        must(codes == [0, 2], f"exit {codes}, expected one 0 and one 2")
        self.same(out, self.whole)
        return 1

    def terminated(self, _):
        out = self.fresh("terminated")
        process = self.start(*self.train(out))
        time.sleep(self.random.uniform(0.1, 0.95) * self.seconds)
        process.terminate()
        errors = process.communicate(timeout=60)[1]
        # Before the run begins the signal has its usual effect, after its end there is nothing to stop.
        must(process.returncode in (143, -signal.SIGTERM, 0), f"exit {process.returncode}: {errors[-300:]}")
        self.finish(out)
        return 1

    FAULTS = {
        "kill": lambda self: [
            ("kill -9 while training, at any moment", 40, self.killed_training("killed", self.at_any_moment)),
            ("kill -9 while a state is written", 20, self.killed_training("writing", self.while_a_state_is_written)),
            ("kill -9 while it evaluates", 15, self.killed_training("evaluating", self.while_it_evaluates)),
            ("kill -9 while the teacher's signals are stored", 10, self.killed_caching),
            ("kill -9 of a study", 15, self.killed_study),
            ("kill -9 of an export", 10, self.killed_export)],
        "disk": lambda self: [
            ("disk full, at every write of a run in turn", 20, self.full_disk),
            ("folder read-only, new and resumed", 2, self.read_only)],
        "image": lambda self: [
            ("an image disappears", 10, self.lost_image(lambda image: image.unlink())),
            ("an image is overwritten by half of itself", 10, self.lost_image(lambda image: image.write_bytes(image.read_bytes()[:200])))],
        "damage": lambda self: [
            ("newest state cut at a random length", 50, self.damaged(self.cut)),
            ("a random bit of the newest state flipped", 50, self.damaged(self.flip))],
        "two": lambda self: [("two processes on one folder", 5, self.two_processes)],
        "signal": lambda self: [("SIGTERM at a random moment", 20, self.terminated)],
    }

    def faults(self, only):
        self.prepare()
        for name, rows in self.FAULTS.items():
            if only and name != only:
                continue
            for what, wanted, trial in rows(self):
                self.row(what, wanted, trial)

    def table(self):
        lines = ["| fault | tried | survived |", "|---|---|---|"]
        lines += [f"| {what} | {tried} | {survived} |" for what, tried, survived in self.rows]
        total = [sum(row[i] for row in self.rows) for i in (1, 2)]
        return "\n".join([*lines, f"| all | {total[0]} | {total[1]} |"])


def write_page(page, table, seed):
    begin, end = "<!-- campaign -->\n", "<!-- end -->"
    text = page.read_text()
    head, tail = text.split(begin)[0], text.split(end)[1]
    said = f"Measured on {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.machine()}, seed {seed}.\n"
    page.write_text(f"{head}{begin}{table}\n\n{said}{end}{tail}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--only", choices=Campaign.FAULTS)
    parser.add_argument("--share", type=float, default=1, help="of the number of faults")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="skylift-faults-") as folder:
        campaign = Campaign(arguments.program.resolve(), pathlib.Path(folder), arguments.share, random.Random(arguments.seed))
        campaign.faults(arguments.only)
    print(campaign.table())
    if arguments.page:
        write_page(arguments.page, campaign.table(), arguments.seed)
    sys.exit("\n".join(campaign.lost) or 0)


if __name__ == "__main__":
    main()
