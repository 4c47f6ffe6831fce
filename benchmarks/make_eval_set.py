"""Ground truth and detections of the size of a benchmark's validation set, as COCO JSON; the same on every machine.

usage: make_eval_set.py coco|visdrone FOLDER
  coco      5,000 images, 36,000 objects of 80 classes with polygons, 500,000 detections (COCO val2017 with 100 an image)
  visdrone  548 images, 38,000 objects of 10 classes, 270,000 detections (VisDrone-DET val with 500 an image)
Writes FOLDER/gt.json and FOLDER/dt.json, unless they are there.
"""
import json
import math
import pathlib
import random
import sys

KINDS = {
    "coco": dict(images=5000, objects=36000, detections=500_000, classes=80, size=(640, 480), box=(8, 320), polygons=True),
    "visdrone": dict(images=548, objects=38000, detections=270_000, classes=10, size=(1400, 800), box=(6, 120), polygons=False),
}


def random_box(rng, kind):
    width, height = kind["size"]
    low, high = kind["box"]
    side = low * (high / low) ** rng.random()
    aspect = math.exp(rng.gauss(0, 0.4))
    w, h = min(side * aspect, width - 1), min(side / aspect, height - 1)
    return [round(value, 2) for value in (rng.uniform(0, width - w), rng.uniform(0, height - h), w, h)]


def polygon(rng, box):
    x, y, w, h = box
    corners = [2 * math.pi * i / 24 for i in range(24)]
    return [[round(value, 2) for a in corners
             for value in (x + w / 2 + w / 2 * math.cos(a) * rng.uniform(0.7, 1), y + h / 2 + h / 2 * math.sin(a) * rng.uniform(0.7, 1))]]


def near(rng, box, kind):
    x, y, w, h = box
    amount = rng.choice([0.02, 0.06, 0.15])
    width, height = max(1, w * math.exp(rng.gauss(0, amount))), max(1, h * math.exp(rng.gauss(0, amount)))
    return [round(value, 2) for value in (x + rng.gauss(0, amount) * w, y + rng.gauss(0, amount) * h, width, height)]


def make(kind, seed=2017):
    rng = random.Random(seed)
    classes = list(range(1, kind["classes"] + 1))
    popularity = [1 / (1 + k) ** 0.8 for k in range(len(classes))]
    image_ids = sorted(rng.sample(range(1, 600_000), kind["images"]))
    images = [{"id": i, "file_name": f"{i:012d}.jpg", "width": kind["size"][0], "height": kind["size"][1]} for i in image_ids]
    present = {i: rng.choices(classes, popularity, k=4) for i in image_ids}  # an image shows few kinds of things
    annotations = []
    for number in range(kind["objects"]):
        image = rng.choice(image_ids)
        box = random_box(rng, kind)
        annotation = {"id": number + 1, "image_id": image, "category_id": rng.choice(present[image]), "bbox": box,
                      "area": round(box[2] * box[3] * (0.6 if kind["polygons"] else 1), 4), "iscrowd": int(rng.random() < 0.01)}
        if kind["polygons"]:
            annotation["segmentation"] = polygon(rng, box)
        annotations.append(annotation)
    detections = []
    for annotation in annotations:
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            category = annotation["category_id"] if rng.random() < 0.85 else rng.choice(classes)
            detections.append({"image_id": annotation["image_id"], "category_id": category,
                               "bbox": near(rng, annotation["bbox"], kind), "score": rng.betavariate(2, 1.5)})
    per_image = {i: 0 for i in image_ids}
    for detection in detections:
        per_image[detection["image_id"]] += 1
    limit = math.ceil(kind["detections"] / kind["images"])
    for image in image_ids:
        for _ in range(limit - per_image[image]):
            category = rng.choice(present[image]) if rng.random() < 0.5 else rng.choices(classes, popularity)[0]
            detections.append({"image_id": image, "category_id": category, "bbox": random_box(rng, kind),
                               "score": rng.betavariate(1, 8)})
    rng.shuffle(detections)
    names = [{"id": c, "name": f"class {c}"} for c in classes]
    return {"images": images, "annotations": annotations, "categories": names}, detections[:kind["detections"]]


def main():
    name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if (folder / "gt.json").exists() and (folder / "dt.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    truth, detections = make(KINDS[name])
    for content, file in ((truth, "gt.json"), (detections, "dt.json")):
        (folder / (file + ".part")).write_text(json.dumps(content))
        (folder / (file + ".part")).rename(folder / file)


if __name__ == "__main__":
    main()
