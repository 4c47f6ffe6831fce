"""Images and boxes by torch.utils.data.DataLoader and OpenCV: what Skylift's training source does, in its order.

Decode, scale by a random factor, crop, flip, change colours; the batch is normalised and padded in the worker. `python -m peers.loader`
times an epoch of it: seconds from asking for the first batch to having the last, workers started and files read once before.
    python -m peers.loader ANNOTATIONS.json [--side 640] [--batch 4] [--workers 2] [--epochs 2]   (in the folder benchmarks)
"""
import argparse
import json
import math
import pathlib
import random
import resource
import time

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

MEAN, DEVIATION = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
PLAIN = dict(scale=(1.0, 1.0), flip=0.0, photometric=0.0)
RANDOM = dict(scale=(0.8, 1.25), flip=0.5, photometric=0.5)  # Skylift's defaults


def colours():
    """A linear map [3,4] of RGB: brightness, contrast, saturation, hue."""
    shift, contrast = 255 * random.uniform(-0.12, 0.12), 1 + random.uniform(-0.25, 0.25)
    saturation, angle = 1 + random.uniform(-0.3, 0.3), 2 * math.pi * random.uniform(-0.02, 0.02)
    grey, identity = np.full((3, 3), 1 / 3), np.eye(3)
    across = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    turned = grey + saturation * (math.cos(angle) * (identity - grey) + math.sin(angle) * across)
    return np.hstack([contrast * turned, np.full((3, 1), shift + (1 - contrast) * 127.5)])


class CocoImages(Dataset):
    """A COCO file with `images/` beside it."""

    def __init__(self, path, side, scale, flip, photometric):
        path = pathlib.Path(path)
        data = json.loads(path.read_text())
        self.folder, self.side, self.scale, self.flip, self.photometric = path.parent / "images", side, scale, flip, photometric
        self.images = data["images"]
        label_of = {category["id"]: i for i, category in enumerate(sorted(data["categories"], key=lambda c: c["id"]))}
        self.classes = len(label_of)
        objects = {image["id"]: ([], [], []) for image in self.images}
        for image in self.images:
            for x, y, w, h in image.get("ignored_regions", []):
                objects[image["id"]][2].append([x, y, x + w, y + h])
        for entry in data["annotations"]:
            (x, y, w, h), (boxes, labels, ignored) = entry["bbox"], objects[entry["image_id"]]
            (ignored if entry.get("iscrowd") or entry.get("ignore") else boxes).append([x, y, x + w, y + h])
            if not (entry.get("iscrowd") or entry.get("ignore")):
                labels.append(label_of[entry["category_id"]])
        self.objects = [[np.array(part, np.float32).reshape(-1, 4) for part in (boxes, ignored)] + [np.array(labels, np.int64)]
                        for boxes, labels, ignored in (objects[image["id"]] for image in self.images)]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        rgb = cv2.cvtColor(cv2.imread(str(self.folder / self.images[index]["file_name"])), cv2.COLOR_BGR2RGB)
        boxes, ignored, labels = self.objects[index]
        height, width = rgb.shape[:2]
        fit = self.side / max(height, width)
        unscaled = [int(length * fit + 0.5) for length in (width, height)]
        factor = fit * math.exp(random.uniform(*map(math.log, self.scale)))
        size = [max(1, int(length * factor + 0.5)) for length in (width, height)]
        if size != [width, height]:
            rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR)
        ratio = np.array([size[0] / width, size[1] / height] * 2, np.float32)
        rgb, boxes, ignored, labels = self.crop(rgb, boxes * ratio, ignored * ratio, labels, unscaled)
        if random.random() < self.flip:
            rgb = cv2.flip(rgb, 1)
            for part in (boxes, ignored):
                part[:, [0, 2]] = rgb.shape[1] - part[:, [2, 0]]
        if random.random() < self.photometric:
            rgb = cv2.transform(rgb, colours())
        return rgb, {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels), "ignored": torch.from_numpy(ignored),
                     "content": rgb.shape[:2]}

    @staticmethod
    def crop(rgb, boxes, ignored, labels, size):
        """An object of which less than 0.3 is left becomes an ignored region."""
        width, height = min(size[0], rgb.shape[1]), min(size[1], rgb.shape[0])
        x, y = random.randint(0, rgb.shape[1] - width), random.randint(0, rgb.shape[0] - height)
        rgb = rgb[y:y + height, x:x + width]
        area = lambda b: (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
        cut = lambda b: np.clip(b - np.float32([x, y, x, y]), 0, np.float32([width, height, width, height]))
        inside, ignored = cut(boxes), cut(ignored)
        left, whole = area(inside), area(boxes)
        kept, lost = left >= np.maximum(0.3 * whole, 1e-9), (left > 0) & (left < 0.3 * whole)
        return rgb, inside[kept], np.concatenate([ignored[area(ignored) > 0], inside[lost]]), labels[kept]


def collate(samples):
    height, width = (max(-(-rgb.shape[axis] // 32) * 32 for rgb, _ in samples) for axis in (0, 1))
    images = torch.zeros(len(samples), 3, height, width)
    for image, (rgb, _) in zip(images, samples):
        content = image[:, :rgb.shape[0], :rgb.shape[1]]
        content.copy_(torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1))
        content.sub_(MEAN[:, None, None]).div_(DEVIATION[:, None, None])
    return {"images": images, "targets": [target for _, target in samples]}


def start_worker(number):
    cv2.setNumThreads(0)  # workers run side by side; threads inside one would only compete
    random.seed(torch.initial_seed())


def make_loader(path, side, batch, workers, augment):
    return DataLoader(CocoImages(path, side, **augment), batch, shuffle=True, drop_last=True, num_workers=workers, collate_fn=collate,
                      persistent_workers=workers > 0, worker_init_fn=start_worker)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("annotations", type=pathlib.Path)
    for name, value in (("side", 640), ("batch", 4), ("workers", 2), ("epochs", 2)):
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    loader = make_loader(arguments.annotations, arguments.side, arguments.batch, arguments.workers, RANDOM)
    rates = []
    for epoch in range(-1, arguments.epochs):  # the first starts the workers and warms the file cache
        start, images = time.perf_counter(), 0
        for batch in loader:
            images += len(batch["images"])
        if epoch >= 0:
            rates.append(images / (time.perf_counter() - start))
    del loader  # ends the workers: what they used is known then
    print(json.dumps({"images_per_s": rates, "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                      "peak_memory_of_a_worker_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
