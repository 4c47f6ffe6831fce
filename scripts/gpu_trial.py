"""The parts of scripts/gpu-trial.sh that compare and count: ten steps of every method on two devices, steps/s against Python, one page.

compare: the same training twice, once on the CPU and once on the device, in float32 and from the same seed; what metrics.jsonl says of
every step (loss terms, the gradients' norm) must be the same up to rounding. Three things differ from what a user runs:
  * MGD hides nothing. Its random masks are drawn on the device, whose generator is not the CPU's.
  * NVIDIA_TF32_OVERRIDE=0. Skylift leaves cuDNN's TF32 on, as libtorch does: convolutions of float32 then keep 10 bits of the mantissa, and
    a comparison could ask for no more than some 1e-2.
  * SGD, clipped, where the recipes take AdamW: whose first updates are +-lr however small a gradient is, rounding included, so that two orders
    of summation part by 2e-2 within ten steps of the recipe's lr. AdamW has a row of its own, at a tenth of that lr.
A last row is a control: another seed on the device, which the comparison has to refuse.
speed: benchmarks/against_python.py, as it is.
usage: gpu_trial.py compare|speed|summary OUT --program PATH --device cuda|cpu --work FOLDER
"""
import argparse
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS, BATCH, SIDE = 10, 2, 128
# Largest relative difference of a number in the first step, and in the steps after it. The CPU with itself is bit for bit the same; with
# its other memory format (another order of sums, so pure rounding) it differs by up to 2e-5 and 1.4e-4, both of CID's box term.
TOLERANCES = {"cpu": (0.0, 0.0), "cuda": (5e-4, 5e-3)}
# What each part's text begins with, for the summary.
PASS, FAIL = "PASS", "FAIL"
COMMON = {"train.precision": '"float32"', "train.threads": 1, "train.epochs": 1, "train.batch_size": BATCH, "data.threads": 1,
          "data.keep_empty": "true", "data.input.long_side": SIDE, "data.input.short_side": SIDE,
          "train.optimizer.name": '"sgd"', "train.optimizer.lr": 0.016, "train.optimizer.clip_norm": 1,
          "train.schedule.name": '"constant"', "train.schedule.warmup_steps": 0, "kd.teacher_check_images": 0, "kd.min_teacher_ap50": 0}
SPECIAL = {"mgd": {"kd.mgd.hidden_share": 0}, "crosskd": {"kd.crosskd.tower_convs": 1}}  # these heads are one convolution deep
ADAMW = {"train.optimizer.name": '"adamw"', "train.optimizer.lr": 0.0008}
SPEED = {"cuda": dict(models="r18", precision="bf16", side=640, objects=100, batch=16, steps=20, workers=8),
         "cpu": dict(models="thin", precision="float32", side=64, objects=5, batch=2, steps=4, workers=1)}
ROUNDS = 3


def run(*command, **environment):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=os.environ | environment)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def cases(program):
    """{name: (methods, settings)}: every method of this program, training without one, Light-ML, and PKD where CID looks."""
    methods = [line.split()[0] for line in run(program, "methods").splitlines() if line.strip()]
    return {"plain": ([], {}), "plain, AdamW": ([], ADAMW),
            "Light-ML": ([], {"model.head.lifting.enabled": "true"})} | {
        name: ([name], SPECIAL.get(name, {})) for name in methods} | {"pkd at CID's region": (["pkd"], {"kd.pkd.region": '"cid"'})}


class Trainer:
    """Trains in `work`, on scenes that it draws there."""

    def __init__(self, program, work):
        self.program, self.work = program, work
        shutil.rmtree(work, ignore_errors=True)
        for seed, (part, images) in enumerate((("train", STEPS * BATCH), ("val", 2)), start=1):
            run(program, "synth", "--out", work / "scenes" / part, "--images", images, "--size", f"{SIDE}x{SIDE}", "--density", 2,
                "--seed", seed)
        self.train("teacher", "cpu", [], {}, config="teacher", seed=9)

    def train(self, name, device, methods, settings, config="student", seed=3):
        """What metrics.jsonl says of the steps."""
        out = self.work / name
        distils = ["--teacher", self.work / "teacher" / "last.safetensors", "--method", ",".join(methods)] if methods else []
        values = COMMON | {"train.seed": seed} | settings
        run(self.program, "distill" if methods else "train", "--config", ROOT / "configs" / "scenes" / f"{config}.toml", *distils,
            "--data", self.work / "scenes", "--out", out, "--device", device,
            *(part for key, value in values.items() for part in ("--set", f"{key}={value}")), NVIDIA_TF32_OVERRIDE="0")
        lines = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
        return [line for line in lines if line["kind"] == "train"]


def compared(step):
    return {name: value for name, value in step.items() if name.startswith(("loss", "kd_")) or name == "gradient_norm"}


def difference(a, b):
    """Relative; infinite where one is no number or missing."""
    if a is None or b is None or not math.isfinite(a) or not math.isfinite(b):
        return math.inf
    return 0.0 if a == b else abs(a - b) / max(abs(a), abs(b))


def largest(expected, got):
    """(the largest difference, its step, its term) of some steps."""
    found = [(difference(a.get(name), b.get(name)), a["step"], name) for a, b in zip(expected, got)
             for name in sorted(compared(a).keys() | compared(b).keys())]
    return max(found)


def judge(expected, got, tolerances):
    """A row of the table. What is 0 in every step was not computed, and says nothing about the device."""
    if len(expected) != STEPS or len(got) != STEPS:
        return {"ok": False, "why": f"got {len(expected)} and {len(got)} steps, expected {STEPS}"}
    first, later = largest(expected[:1], got[:1]), largest(expected[1:], got[1:])
    idle = [name for name in compared(expected[0]) if not any(step[name] for step in expected)]
    within = first[0] <= tolerances[0] and later[0] <= tolerances[1]
    why = "" if within else "differs more than the tolerance"
    return {"ok": within and not idle, "within": within, "why": f"{', '.join(idle)}: 0 in all steps" if idle else why, "first": first, "later": later,
            "loss": [expected[0]["loss"], expected[-1]["loss"]], "terms": len(compared(expected[0]))}


def compare_case(trainer, number, name, methods, settings, device, device_seed=3):
    try:
        expected = trainer.train(f"{number}-cpu", "cpu", methods, settings)
        got = trainer.train(f"{number}-device", device, methods, settings, seed=device_seed)
    except RuntimeError as error:
        return {"ok": False, "why": str(error)}
    return judge(expected, got, TOLERANCES[device])


def compare_all(trainer, device):
    """{name: row}. Nothing is timed here, so trainings of one thread each run side by side."""
    with ThreadPoolExecutor(8) as pool:
        jobs = {name: pool.submit(compare_case, trainer, number, name, methods, settings, device)
                for number, (name, (methods, settings)) in enumerate(cases(trainer.program).items())}
        control = pool.submit(compare_case, trainer, "control", "plain", [], {}, device, device_seed=4)
        rows, control = {name: job.result() for name, job in jobs.items()}, control.result()
    refused = control.get("within") is False
    why = "" if refused else "the comparison let another seed pass, so it shows nothing"
    return rows | {"control: another seed": control | {"ok": refused, "why": why if "first" in control else control["why"]}}


def compare_page(rows, device):
    first, later = TOLERANCES[device]
    where = lambda found: f"{found[0]:.1e} ({found[2]}, step {found[1]})" if found[0] else "0"
    lines = [[name, row["terms"], f"{row['loss'][0]:.3f} to {row['loss'][1]:.3f}", where(row["first"]), where(row["later"]),
              verdict(row["ok"])] if "first" in row else [name, "", "", "", "", FAIL] for name, row in rows.items()]
    failures = "".join(f"\n{name}: {row['why']}\n" for name, row in rows.items() if not row["ok"])
    return (f"{verdict(all(row['ok'] for row in rows.values()))}: {STEPS} steps of {BATCH} images of {SIDE} px on {device} against the CPU, "
            f"float32 without TF32, one seed. Largest relative difference allowed: {first:g} in step 1, {later:g} in steps 2 to {STEPS}.\n\n"
            + table(["method", "numbers a step", "loss", "step 1", f"steps 2 to {STEPS}", ""], lines)
            + "\nMGD hides nothing here: its masks come from the device's own random numbers. The control must differ.\n" + failures)


def verdict(ok):
    return PASS if ok else FAIL


def compare(arguments):
    rows = compare_all(Trainer(arguments.program, arguments.work / "compare"), arguments.device)
    (arguments.out / "compare.json").write_text(json.dumps(rows, indent=1) + "\n")
    (arguments.out / "compare.md").write_text(compare_page(rows, arguments.device))


def speed_page(measured, device, numbers):
    rows = []
    for model, kinds in measured["steps"].items():
        for kind, row in kinds.items():
            rate = lambda side: [run["images_per_s"] / numbers["batch"] for run in row[side]]
            shown = lambda values, digits: f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
            ratio = lambda what: "{median:.2f} ({min:.2f} to {max:.2f})".format(**row[what])
            rows.append([model, kind, shown(rate("skylift"), 2), f"{shown(rate('peer'), 2)}, {row['format of the peer']}",
                         ratio("images_per_s"), ratio("work"), ratio("memory_mib")])
    return (f"{PASS}: measured on {device}, {ROUNDS} rounds, interleaved; {numbers}.\n\nSkylift in channels_last, the peer in what is faster "
            "for it; median over the rounds, with the least and the largest. Ratios are Skylift / peer within a round.\n\n"
            + table(["model", "step", "Skylift, steps/s", "Python, steps/s", "steps/s, ratio", "without waiting for data", "peak memory"], rows))


def speed(arguments):
    numbers = SPEED[arguments.device]
    options = [part for name, value in numbers.items() for part in (f"--{name}", value)]
    result = arguments.out / "speed.json"
    run(sys.executable, ROOT / "benchmarks" / "against_python.py", ROUNDS, "--kinds", "plain,bckd", "--device", arguments.device, *options,
        "--json", result, SKYLIFT_PROGRAM=str(arguments.program), SKYLIFT_PEER_PYTHON=sys.executable)
    (arguments.out / "speed.md").write_text(speed_page(json.loads(result.read_text()), arguments.device, numbers))


def summary(arguments):
    """Joins what the parts wrote. A part that is not there has failed, too."""
    text, ok = f"# Skylift on {arguments.device}\n", True
    for title, name in (("Machine", "machine.txt"), ("Tests", "tests.txt"), ("Ten steps against the CPU", "compare.md"),
                        ("Steps/s against Python", "speed.md")):
        path = arguments.out / name
        content = path.read_text().rstrip() if path.exists() else f"{FAIL}: no {name}"
        ok &= name == "machine.txt" or content.startswith((PASS, "SKIPPED"))
        text += f"\n## {title}\n{content if name.endswith('.md') else fenced(content)}\n"
    (arguments.out / "README.md").write_text(text.replace("\n", f"\n{verdict(ok)}\n", 1))
    return ok


def fenced(text):
    return f"```\n{text}\n```"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("compare", "speed", "summary"))
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--device", choices=tuple(TOLERANCES), required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    if arguments.part == "summary":
        sys.exit(0 if summary(arguments) else 1)
    try:
        {"compare": compare, "speed": speed}[arguments.part](arguments)
    except RuntimeError as error:  # the other parts are worth having
        (arguments.out / f"{arguments.part}.md").write_text(f"{FAIL}: {error}\n")


if __name__ == "__main__":
    main()
