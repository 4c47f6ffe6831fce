"""Whether the peer is the same as Skylift: outputs, losses, distillation terms, gradients and AdamW's steps, in float32.

For each of three detectors `skylift distill` trains STEPS steps on one batch of two images (one is padded, one has an ignored region), the
peer does the same from the same model files, and the numbers in metrics.jsonl must be the peer's: those of the first step to 1e-5 of
their size and the gradients' norm to 1e-4, those of the last step to 1e-2 (rounding errors grow with the steps). Raw outputs are
compared through `skylift export` and onnxruntime: 1e-4 of the largest one.
    SKYLIFT_PROGRAM=build/skylift python benchmarks/peers/check.py          needs torch, opencv, onnxruntime
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import cv2
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from peers import detector, loader, model_file, step  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SKYLIFT_PROGRAM", str(ROOT / "build" / "skylift"))
STEPS, SIDE, LR = 4, 320, 1e-3
CASES = {"resnet18 from stride 4": ("resnet18", 0.25, 2, 5, -1, "false"),
         "resnet50, stored statistics": ("resnet50", 0.125, 3, 7, -1, "true"),
         "efficientnet_lite0, frozen": ("efficientnet_lite0", 1.0, 3, 6, 1, "true")}
CONFIG = """
data.train = "{data}"
data.val = "{data}"
data.keep_empty = true
data.input = {{long_side = {side}, short_side = {side}}}
data.augment = {{scale_min = 1, scale_max = 1, flip = 0, photometric = 0}}
model.backbone = {{name = "{name}", width = {width}, frozen_stages = {frozen}, norm_eval = {norm_eval}}}
model.neck = {{channels = 24, first_level = {first}, last_level = {last}}}
model.head = {{channels = 24, depth = 2}}
assign.rescue_small = false
[train]
epochs = {steps}
batch_size = 2
seed = {seed}
precision = "float32"
eval_every = {steps}
threads = 1
optimizer = {{name = "adamw", lr = {lr}, weight_decay = 0.02, clip_norm = 1}}
schedule = {{name = "constant", warmup_steps = 0}}
[kd]
methods = ["ld", "bckd"]
normalise = "authors"
teacher_check_images = 0
min_teacher_ap50 = 0
"""


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def make_data(folder):
    """PNG, which every decoder reads alike; boxes off the grid, since equally distant anchors are chosen differently."""
    run(PROGRAM, "synth", "--out", folder, "--images", 2, "--size", f"{SIDE}x256", "--format", "coco", "--seed", 3)
    path = folder / "annotations.json"
    data, rng = json.loads(path.read_text()), random.Random(1)
    for image, height in zip(data["images"], (256, 192)):
        pixels = cv2.imread(str(folder / "images" / image["file_name"]))[:height]
        image.update(file_name=image["file_name"].replace(".jpg", ".png"), height=height)
        cv2.imwrite(str(folder / "images" / image["file_name"]), pixels)
    data["images"][0]["ignored_regions"] = [[200, 100, 60, 50]]
    heights = {image["id"]: image["height"] for image in data["images"]}
    for entry in data["annotations"]:
        x, y, w, h = (value + rng.uniform(0.05, 0.95) for value in entry["bbox"])
        entry["bbox"] = [x, y, min(w, SIDE - x), min(h, heights[entry["image_id"]] - y)]
    data["annotations"] = [entry for entry in data["annotations"] if min(entry["bbox"][2:]) > 2]
    path.write_text(json.dumps(data))
    return path


def randomise(path, seed):
    """Weights under which every term is far from 0."""
    card, tensors = model_file.read(path)
    generator = torch.Generator().manual_seed(seed)
    for name, values in tensors.items():
        if name.endswith("predictor.weight"):
            values.mul_(40)
        elif "backbone" in name and values.dim() == 1 and not name.endswith("bias"):
            values.copy_(torch.rand(values.shape, generator=generator) + 0.5)
        elif values.dim() == 1 and values.is_floating_point():
            values.add_(torch.randn(values.shape, generator=generator) * 0.1)
    tensors["head.cls_predictor.bias"].add_(2)
    model_file.write(path, card, tensors)


def compare_outputs(model, images, folder):
    """The largest difference of a raw map, relative to its largest value."""
    import onnxruntime
    run(PROGRAM, "export", "--model", model, "--out", folder / "model.onnx")
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    found = dict(zip([output.name for output in session.get_outputs()], session.run(None, {"images": images.numpy()})))
    peer = detector.load_detector(model).eval()
    with torch.no_grad():
        maps = peer(images)
    pairs = [(part[i], torch.from_numpy(found[f"{kind}_logits_{stride}"])) for kind, part in zip(("cls", "box"), maps)
             for i, stride in enumerate(peer.strides)]
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def steps_of_skylift(config, folder, teacher, student):
    run(PROGRAM, "distill", "--config", config, "--teacher", teacher, "--student", student, "--out", folder)
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == "train"]


def steps_of_peer(teacher, student, batch):
    """LD's and BCKD's terms together, as in Skylift's run."""
    trainers = step.Trainer(detector.load_detector(student), detector.load_detector(teacher), "ld and bckd", channels_last=True,
                            lr=LR * 2 / 16, clip_norm=1)
    step.METHODS["ld and bckd"] = lambda *inputs: step.METHODS["ld"](*inputs) | step.METHODS["bckd"](*inputs)
    return [trainers.step(batch) for _ in range(STEPS)]


def check(case, folder, data):
    name, width, first, last, frozen, norm_eval = CASES[case]
    folder.mkdir()
    models = []
    for seed, role in enumerate(("student", "teacher")):
        values = dict(data=data, side=SIDE, name=name, width=width, first=first, last=last, frozen=frozen, norm_eval=norm_eval)
        path = folder / f"{role}.toml"
        path.write_text(CONFIG.format(**values, steps=1, seed=seed, lr=1e-9))
        run(PROGRAM, "train", "--config", path, "--out", folder / role)
        models.append(folder / role / "last.safetensors")
        randomise(models[-1], seed)
        path.write_text(CONFIG.format(**values, steps=STEPS, seed=0, lr=LR))
    torch.manual_seed(0)
    batch = next(iter(loader.make_loader(data, SIDE, 2, 0, loader.PLAIN)))
    outputs = compare_outputs(models[0], batch["images"], folder)
    print(f"{case}: outputs differ by {outputs:.1e}")
    ok = outputs <= 1e-4
    ours = steps_of_skylift(folder / "student.toml", folder / "distilled", models[1], models[0])
    for number, (a, b) in enumerate(zip(ours, steps_of_peer(models[1], models[0], batch), strict=True)):
        for term, value in b.items():
            difference = abs(a[term] - value) / abs(a[term])
            tolerance = {0: 1e-4 if term == "gradient_norm" else 1e-5, STEPS - 1: 1e-2}.get(number, float("inf"))
            ok &= difference <= tolerance
            if tolerance < float("inf"):
                print(f"  step {number + 1} {term:14} skylift {a[term]:.7g}  peer {value:.7g}  differs by {difference:.1e}"
                      + ("" if difference <= tolerance else f", expected at most {tolerance:.0e}"))
    return ok


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        data = make_data(temporary / "data")
        results = [check(case, temporary / f"case{i}", data) for i, case in enumerate(CASES)]
    sys.exit(0 if all(results) else "the peer is not the same as Skylift")


if __name__ == "__main__":
    main()
