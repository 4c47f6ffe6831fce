#!/usr/bin/env python3
"""Makes annotation sets of the sizes that matter, from a seed, with the standard library alone.

  train2017  COCO train2017's size: 118,000 images, 860,000 boxes with polygons, about 450 MB of JSON
  val2017    COCO val2017's size: 5,000 images, 36,000 boxes, and 500,000 detections
  visdrone   VisDrone val's size: 548 images, 38,000 boxes, regions, and 270,000 detections,
             once as folders of text files (with images that are headers only) and once as COCO JSON

Example: benchmarks/make_coco_like.py val2017 --out made
"""

import argparse
import json
import math
import random
import struct
import zlib
from pathlib import Path

COCO_CLASSES = 80
VISDRONE = ["pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus", "motor"]
# Shares of VisDrone's classes, roughly.
VISDRONE_SHARES = [23, 8, 3, 41, 7, 4, 1.4, 0.9, 1.7, 8]


def spread(total, bins, rng):
    """`total` things over `bins` images: uneven, as real ones are, and some images get none."""
    weights = [rng.expovariate(1) ** 1.5 if rng.random() > 0.01 else 0.0 for _ in range(bins)]
    scale = total / sum(weights)
    counts, carry = [], 0.0
    for weight in weights:
        carry += weight * scale
        counts.append(int(carry))
        carry -= int(carry)
    counts[0] += total - sum(counts)
    return counts


def random_box(width, height, median, rng):
    side = median * math.exp(rng.gauss(0, 0.9))
    aspect = math.exp(rng.gauss(0, 0.4))
    w = min(max(2.0, side * aspect), width - 2.0)
    h = min(max(2.0, side / aspect), height - 2.0)
    return [round(v, 2) for v in (rng.uniform(0, width - w), rng.uniform(0, height - h), w, h)]


def polygon(box, points, rng):
    x, y, w, h = box
    out = []
    for k in range(points):
        angle = 2 * math.pi * k / points
        radius = rng.uniform(0.6, 1.0)
        out.append(round(x + w / 2 * (1 + radius * math.cos(angle)), 2))
        out.append(round(y + h / 2 * (1 + radius * math.sin(angle)), 2))
    return out


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def write_list(stream, records):
    for i, record in enumerate(records):
        stream.write((",\n" if i else "\n") + compact(record))


def coco_images(count, rng):
    sizes = [(640, 480), (480, 640), (640, 427), (500, 375)]
    for i in range(count):
        width, height = rng.choice(sizes)
        yield {"license": 1, "file_name": f"{i + 1:012}.jpg", "height": height, "width": width, "id": 7 * i + 9,
               "date_captured": "2013-11-14 11:18:45", "coco_url": f"http://images.invalid/train2017/{i + 1:012}.jpg"}


def write_coco(path, images, boxes, points, rng):
    """Writes one file record by record; returns images and the boxes of each."""
    images = list(coco_images(images, rng))
    truth = []
    ids = [c + 1 + c // 8 for c in range(COCO_CLASSES)]

    def annotations():
        number = 0
        for image, count in zip(images, spread(boxes, len(images), rng)):
            objects = []
            for _ in range(count):
                number += 1
                box = random_box(image["width"], image["height"], 60, rng)
                category = ids[min(COCO_CLASSES - 1, int(rng.expovariate(0.06)))]
                crowd = int(rng.random() < 0.012)
                segmentation = [polygon(box, max(4, int(rng.gauss(points, points / 3))), rng)] if points else []
                objects.append((box, category))
                yield {"segmentation": segmentation, "area": round(0.6 * box[2] * box[3], 4), "iscrowd": crowd, "image_id": image["id"],
                       "bbox": box, "category_id": category, "id": 1000 + number}
            truth.append(objects)

    with open(path, "w") as stream:
        stream.write('{"info":{"description":"made by make_coco_like.py"},"images":[')
        write_list(stream, images)
        stream.write('],"annotations":[')
        write_list(stream, annotations())
        stream.write('],"categories":[')
        write_list(stream, ({"supercategory": "thing", "id": i, "name": f"class {i}"} for i in ids))
        stream.write("]}\n")
    return images, truth, ids


def detections_of(objects, count, width, height, ids, median, rng):
    """Objects found well or badly, seen twice, or mistaken; then false alarms of low score."""
    out = []
    for box, category in objects:
        for _ in range(rng.choice((0, 1, 1, 1, 2))):
            jitter = rng.choice((0.02, 0.05, 0.15, 0.3))
            x, y, w, h = box
            moved = [x + w * rng.gauss(0, jitter), y + h * rng.gauss(0, jitter), w * math.exp(rng.gauss(0, jitter)), h * math.exp(rng.gauss(0, jitter))]
            label = category if rng.random() < 0.85 else rng.choice(ids)
            out.append(([round(v, 2) for v in moved], label, min(0.999, max(0.01, rng.gauss(0.75 - jitter, 0.2)))))
    while len(out) < count:
        out.append((random_box(width, height, median, rng), rng.choice(ids), rng.random() ** 3))
    rng.shuffle(out)
    # Three decimals, so that equal scores occur.
    return [(box, label, round(score, 3)) for box, label, score in out[:count]]


def write_results(path, images, truth, ids, total, median, rng):
    per_image = []
    with open(path, "w") as stream:
        stream.write("[")
        first = True
        for i, (image, objects) in enumerate(zip(images, truth)):
            count = total * (i + 1) // len(images) - total * i // len(images)
            found = detections_of(objects, count, image["width"], image["height"], ids, median, rng)
            per_image.append(found)
            for box, label, score in found:
                stream.write(("" if first else ",\n") + compact({"image_id": image["id"], "category_id": label, "bbox": box, "score": score}))
                first = False
        stream.write("]\n")
    return per_image


def header_only_png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IEND", b"")


def make_visdrone(out, rng):
    image_count, boxes, detections = 548, 38000, 270000
    ids = list(range(1, 11))
    images, truth, flags, regions = [], [], [], []
    for i, count in enumerate(spread(boxes, image_count, rng)):
        width, height = rng.choice([(1360, 765), (1920, 1080), (960, 540)])
        images.append({"id": i + 1, "file_name": f"{i:07}_d.png", "width": width, "height": height})
        truth.append([([float(int(v)) for v in random_box(width, height, 28, rng)], rng.choices(ids, VISDRONE_SHARES)[0]) for _ in range(count)])
        flags.append([(int(rng.random() > 0.02), int(rng.random() < 0.1), rng.choice((0, 0, 1, 2))) for _ in range(count)])
        regions.append([[float(int(v)) for v in random_box(width, height, 90, rng)] for _ in range(rng.choice((0, 0, 1, 2, 4)))])
    (out / "images").mkdir(parents=True)
    (out / "annotations").mkdir()
    (out / "results").mkdir()
    for image, objects, more, areas in zip(images, truth, flags, regions):
        stem = Path(image["file_name"]).stem
        (out / "images" / image["file_name"]).write_bytes(header_only_png(image["width"], image["height"]))
        lines = [[int(v) for v in box] + [score, category, cut, hidden] for (box, category), (score, cut, hidden) in zip(objects, more)]
        lines += [[int(v) for v in area] + [0, 0, 0, 0] for area in areas]
        (out / "annotations" / f"{stem}.txt").write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
    write_visdrone_json(out / "visdrone.json", images, truth, flags, regions)
    found = write_results(out / "visdrone_results.json", images, truth, ids, detections, 28, rng)
    for image, rows in zip(images, found):
        rows = sorted(rows, key=lambda row: -row[2])
        text = "".join(",".join(map(str, box)) + f",{score},{label},-1,-1\n" for box, label, score in rows)
        (out / "results" / (Path(image["file_name"]).stem + ".txt")).write_text(text)


def write_visdrone_json(path, images, truth, flags, regions):
    def annotations():
        number = 0
        for image, objects, more in zip(images, truth, flags):
            for (box, category), (score, cut, hidden) in zip(objects, more):
                number += 1
                yield {"id": number, "image_id": image["id"], "category_id": category, "bbox": box, "area": box[2] * box[3], "iscrowd": 0,
                       "ignore": 1 - score, "truncation": cut, "occlusion": hidden}

    with open(path, "w") as stream:
        stream.write('{"images":[')
        write_list(stream, ({**image, "ignored_regions": areas} for image, areas in zip(images, regions)))
        stream.write('],"annotations":[')
        write_list(stream, annotations())
        stream.write('],"categories":[')
        write_list(stream, ({"id": i + 1, "name": name} for i, name in enumerate(VISDRONE)))
        stream.write("]}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["train2017", "val2017", "visdrone"])
    parser.add_argument("--out", type=Path, required=True, help="a new folder, or one that this script made")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    out, rng = arguments.out, random.Random(arguments.seed)
    out.mkdir(parents=True, exist_ok=True)
    if arguments.kind == "train2017":
        write_coco(out / "train2017.json", 118000, 860000, 28, rng)
    elif arguments.kind == "val2017":
        images, truth, ids = write_coco(out / "val2017.json", 5000, 36000, 20, rng)
        write_results(out / "val2017_results.json", images, truth, ids, 500000, 60, rng)
    else:
        make_visdrone(out / "visdrone", rng)


if __name__ == "__main__":
    main()
