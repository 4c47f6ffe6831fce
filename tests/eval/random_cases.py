"""Hard random cases in COCO's form: crowds, ties, empty classes, duplicates, huge and tiny boxes, 64-bit ids."""
import random


def random_box(rng, scale, grid):
    if grid:  # few distinct places and sizes: many equal overlaps
        return [rng.randrange(6) * 10, rng.randrange(6) * 10, rng.choice([10, 20, 30]), rng.choice([10, 20, 30])]
    kind = rng.random()
    size = scale * (1e-4 if kind < 0.1 else 3 if kind < 0.15 else rng.uniform(0.02, 0.5))
    w, h = size * rng.uniform(0.3, 2), size * rng.uniform(0.3, 2)
    if kind > 0.98:
        w = 0.0
    return [rng.uniform(-0.1, 1) * scale, rng.uniform(-0.1, 1) * scale, w, h]


def jitter(rng, box, amount):
    x, y, w, h = box
    return [x + rng.gauss(0, amount) * w, y + rng.gauss(0, amount) * h,
            w * abs(1 + rng.gauss(0, amount)), h * abs(1 + rng.gauss(0, amount))]


def unique_ids(rng, count, low, high):
    ids = set()
    while len(ids) < count:
        ids.add(rng.randrange(low, high))
    ids = list(ids)
    rng.shuffle(ids)
    return ids


def make_truth(rng, grid, scale):
    wide = rng.random() < 0.5
    images = [{"id": i, "file_name": f"{i}.jpg", "width": int(scale), "height": int(scale)}
              for i in unique_ids(rng, rng.choice([1, 3, 12]), 2**60 if wide else 1, 2**62 if wide else 100)]
    categories = [{"id": c, "name": f"class {c}"} for c in unique_ids(rng, rng.randint(1, 6), 1, 2**40 if wide else 20)]
    annotated = [c for c in categories if rng.random() < 0.8]
    annotations = []
    for image in images:
        for _ in range(rng.choice([0, 0, 1, 4, 25]) if annotated else 0):
            box = random_box(rng, scale, grid)
            annotation = {"image_id": image["id"], "category_id": rng.choice(annotated)["id"], "bbox": box,
                          "iscrowd": int(rng.random() < 0.15), "area": box[2] * box[3]}
            if rng.random() < 0.3:
                annotation["area"] *= rng.random()
            if rng.random() < 0.05:
                annotation["area"] = rng.choice([0, 1024, 9216, 1e10, 2e10])
            if rng.random() < 0.2:
                annotation["ignore"] = rng.randrange(2)
            annotations.append(annotation)
            if rng.random() < 0.1:
                annotations.append(dict(annotation))
    rng.shuffle(annotations)
    first = 0 if rng.random() < 0.2 else 1
    ids = unique_ids(rng, len(annotations), 2**60, 2**62) if wide else list(range(first, first + len(annotations)))
    for annotation, number in zip(annotations, ids):
        annotation["id"] = number
    return {"images": images, "categories": categories, "annotations": annotations}


def make_detections(rng, truth, grid, scale):
    ties = rng.random() < 0.5
    score = (lambda: rng.randrange(1, 5) / 4) if ties else rng.random
    amount = rng.choice([0, 0.02, 0.1, 0.3])
    detections = []
    for annotation in truth["annotations"]:
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            category = annotation["category_id"] if rng.random() < 0.8 else rng.choice(truth["categories"])["id"]
            detections.append({"image_id": annotation["image_id"], "category_id": category, "score": score(),
                               "bbox": jitter(rng, annotation["bbox"], amount)})
    for image in truth["images"]:
        for _ in range(rng.choice([0, 3, 20, 150])):
            detections.append({"image_id": image["id"], "category_id": rng.choice(truth["categories"])["id"],
                               "score": score(), "bbox": random_box(rng, scale, grid)})
    for detection in list(detections):
        if rng.random() < 0.05:
            detections.append(dict(detection))
    if rng.random() < 0.05:
        detections = []
    rng.shuffle(detections)
    return detections


def make_case(seed):
    rng = random.Random(seed)
    grid = rng.random() < 0.4
    scale = rng.choice([60.0, 300.0, 1e6])
    truth = make_truth(rng, grid, scale)
    return {"protocol": "coco", "max_dets": rng.choice([[1, 10, 100], [1, 10, 100, 500], [3, 1, 2], [100, 300, 1000], [5]]),
            "gt": truth, "dt": make_detections(rng, truth, grid, scale)}


def add_visdrone_rules(rng, case):
    """Ignored regions, ignored objects, and classes that are not evaluated."""
    case["protocol"], case["format"] = "visdrone", "visdrone"
    for image in case["gt"]["images"]:
        image["width"], image["height"] = rng.randint(50, 400), rng.randint(50, 400)
        image["ignored_regions"] = [[rng.randint(-5, 300), rng.randint(-5, 300), rng.randint(0, 150), rng.randint(0, 150)]
                                    for _ in range(rng.choice([0, 0, 1, 3]))]
    for annotation in case["gt"]["annotations"]:
        annotation["iscrowd"], annotation["ignore"] = 0, int(rng.random() < 0.2)
        if rng.random() < 0.1:
            annotation["category_id"] = -11  # "others"
    for detection in case["dt"]:
        if rng.random() < 0.1:
            detection["category_id"] = -11
    return case
