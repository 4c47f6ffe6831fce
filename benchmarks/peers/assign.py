"""ATSS as mmdetection's ATSSAssigner does it: all anchors against all objects of an image, as matrices.

Differs from mmdetection in what Skylift adds: anchors on padding and in ignored regions count neither as positive nor as negative.
Skylift's `assign.rescue_small` is not here; comparisons switch it off.
"""
import torch

ANCHOR_SCALE, CANDIDATES = 8, 9


def make_grid(sizes, strides, device):
    """Centres [A,2] and strides [A] of all points, and the number of points a level."""
    centres, spacing = [], []
    for (height, width), stride in zip(sizes, strides):
        y, x = torch.meshgrid(*(torch.arange(n, device=device) * stride for n in (height, width)), indexing="ij")
        centres.append(torch.stack([x, y], -1).reshape(-1, 2).float())
        spacing.append(torch.full((height * width,), float(stride), device=device))
    return torch.cat(centres), torch.cat(spacing), [len(level) for level in centres]


def anchors_of(centres, strides):
    half = strides[:, None] * (ANCHOR_SCALE / 2)
    return torch.cat([centres - half, centres + half], 1)


def overlaps_of(a, b, eps=1e-6):
    """IoU [A,G] of all pairs."""
    area_a, area_b = ((x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b))
    extents = (torch.min(a[:, None, 2:], b[None, :, 2:]) - torch.max(a[:, None, :2], b[None, :, :2])).clamp(min=0)
    overlap = extents[..., 0] * extents[..., 1]
    return overlap / (area_a[:, None] + area_b[None, :] - overlap).clamp(min=eps)


def valid_points(centres, content, ignored):
    """On the image's content (height, width) and in no ignored region [I,4]."""
    valid = (centres[:, 0] < content[1]) & (centres[:, 1] < content[0])
    if len(ignored):
        x, y = centres[:, 0, None], centres[:, 1, None]
        valid &= ~((x >= ignored[:, 0]) & (y >= ignored[:, 1]) & (x <= ignored[:, 2]) & (y <= ignored[:, 3])).any(1)
    return valid


def atss(anchors, centres, counts, on_content, boxes):
    """One image: of each anchor the object's index or -1 [A], the threshold of each object [G], and IoU [A,G]."""
    objects = len(boxes)
    assigned = torch.full((len(anchors),), -1, device=anchors.device)
    if objects == 0:
        return assigned, boxes.new_zeros(0), boxes.new_zeros(len(anchors), 0)
    overlaps = overlaps_of(anchors, boxes)
    box_centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    distances = (centres[:, None, :] - box_centres[None, :, :]).pow(2).sum(-1).sqrt()
    distances[~on_content] = float("inf")

    candidates, start = [], 0
    for count in counts:  # the nearest of every level
        k = min(CANDIDATES, int(on_content[start:start + count].sum()))
        candidates.append(distances[start:start + count].topk(k, dim=0, largest=False).indices + start)
        start += count
    candidates = torch.cat(candidates)  # [K,G]
    candidate_overlaps = overlaps.gather(0, candidates)
    thresholds = candidate_overlaps.mean(0) + candidate_overlaps.std(0)
    positive = candidate_overlaps >= thresholds

    points = centres[candidates]  # [K,G,2]
    inside = torch.cat([points - boxes[:, :2], boxes[:, 2:] - points], -1).min(-1).values > 0.01
    positive &= inside
    of_positive = torch.full_like(overlaps, -float("inf"))
    columns = torch.arange(objects, device=boxes.device).expand_as(candidates)
    of_positive[candidates[positive], columns[positive]] = candidate_overlaps[positive]
    best, best_object = of_positive.max(1)
    assigned[best != -float("inf")] = best_object[best != -float("inf")]
    return assigned, thresholds, overlaps


class Assignment:
    """Of a batch. `assigned` [B,A] as above, `weights` [B,A], and per point the object's label [B,A] and box [B,A,4]."""

    def __init__(self, grid, batch, classes):
        centres, strides, counts = grid
        anchors = anchors_of(centres, strides)
        rows, weights, labels, boxes, self.images, self.average_factor = [], [], [], [], [], 0
        for target in batch["targets"]:
            on_content = valid_points(centres, target["content"], ())
            assigned, thresholds, overlaps = atss(anchors, centres, counts, on_content, target["boxes"])
            positive = assigned >= 0
            # Classes without an object stand for background, as in mmdetection.
            label, box = torch.full_like(assigned, classes), anchors.new_zeros(len(anchors), 4)
            label[positive] = target["labels"][assigned[positive]]
            box[positive] = target["boxes"][assigned[positive]]
            rows.append(assigned)
            allowed = valid_points(centres, target["content"], target["ignored"])
            weights.append((allowed | positive).float())
            labels.append(label)
            boxes.append(box)
            self.images.append({"thresholds": thresholds, "overlaps": overlaps, "allowed": allowed})
            self.average_factor += max(int(positive.sum()), 1)
        self.assigned, self.weights, self.labels, self.boxes = map(torch.stack, (rows, weights, labels, boxes))
        self.anchors = anchors
