"""The losses of GFL as mmdetection's GFLHead computes them, level by level."""
import torch
from torch.nn import functional


def by_level(values, counts):
    """[B,A,...] as one [B*A_level,...] a level."""
    return [part.flatten(0, 1) for part in values.split(counts, 1)]


def rows(map):
    """[B,N,H,W] as [B*H*W,N]."""
    return map.permute(0, 2, 3, 1).reshape(-1, map.shape[1])


def integral(box_logits):
    """[N,4(R+1)] as distances [N,4] in strides."""
    bins = box_logits.shape[1] // 4
    probabilities = functional.softmax(box_logits.reshape(-1, bins), 1)
    values = torch.arange(bins, dtype=probabilities.dtype, device=probabilities.device)
    return functional.linear(probabilities, values[None]).reshape(-1, 4)


def decode(points, distances):
    return torch.cat([points - distances[:, :2], points + distances[:, 2:]], 1)


def aligned(a, b, generalised, eps=1e-6):
    """IoU or GIoU [N] of rows."""
    area_a, area_b = ((x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b))
    extents = (torch.min(a[:, 2:], b[:, 2:]) - torch.max(a[:, :2], b[:, :2])).clamp(min=0)
    overlap = extents[:, 0] * extents[:, 1]
    union = (area_a + area_b - overlap).clamp(min=eps)
    if not generalised:
        return overlap / union
    around = torch.max(a[:, 2:], b[:, 2:]) - torch.min(a[:, :2], b[:, :2])
    enclosing = (around[:, 0] * around[:, 1]).clamp(min=eps)
    return overlap / union - (enclosing - union) / enclosing


def quality_focal(logits, labels, scores, weights, beta=2.0):
    """Sum over the level. labels: classes = background."""
    scale = logits.sigmoid()
    loss = functional.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits), reduction="none") * scale.pow(beta)
    positive = (labels < logits.shape[1]).nonzero().squeeze(1)
    label = labels[positive]
    gap = scores[positive] - scale[positive, label]
    loss[positive, label] = functional.binary_cross_entropy_with_logits(
        logits[positive, label], scores[positive], reduction="none") * gap.abs().pow(beta)
    return (loss.sum(1) * weights).sum()


def distribution_focal(box_logits, distances):
    """[N,R+1] logits and [N] distances."""
    left = distances.long()
    right = left + 1
    return (functional.cross_entropy(box_logits, left, reduction="none") * (right - distances)
            + functional.cross_entropy(box_logits, right, reduction="none") * (distances - left))


def level_losses(cls_map, box_map, centres, stride, assigned):
    """Sums of one level: class loss, box loss, bins' loss, the positives' weights; and the positives for distillation."""
    labels, boxes, weights = assigned
    logits, bins = rows(cls_map), rows(box_map)
    positive = (labels < logits.shape[1]).nonzero().squeeze(1)
    scores = labels.new_zeros(labels.shape, dtype=torch.float)
    if len(positive) == 0:
        zero = bins.sum() * 0
        return quality_focal(logits, labels, scores, weights), zero, zero, zero.detach(), positive, zero.detach()
    reg_max = bins.shape[1] // 4 - 1
    points = centres.repeat(len(cls_map), 1)[positive] / stride
    found = bins[positive]
    target = boxes[positive] / stride
    decoded = decode(points, integral(found))
    weight = logits.detach()[positive].sigmoid().max(1).values
    scores[positive] = aligned(decoded.detach(), target, generalised=False)
    sides = torch.cat([points - target[:, :2], target[:, 2:] - points], 1).clamp(0, reg_max - 0.1)
    loss_box = ((1 - aligned(decoded, target, generalised=True)) * weight).sum()
    loss_bins = (distribution_focal(found.reshape(-1, reg_max + 1), sides.reshape(-1)) * weight.repeat_interleave(4)).sum() / 4
    return quality_focal(logits, labels, scores, weights), loss_box, loss_bins, weight.sum(), positive, weight


def detection_loss(outputs, grid, strides, assignment):
    """The three terms with Skylift's default weights, and the positives [level] with their weights."""
    centres, _, counts = grid
    parts = [by_level(values, counts) for values in (assignment.labels, assignment.boxes, assignment.weights)]
    cls, box, bins, weight, positives, weights = zip(*(
        level_losses(cls_map, box_map, level_centres, stride, assigned)
        for cls_map, box_map, level_centres, stride, assigned in zip(*outputs, centres.split(counts), strides, zip(*parts))))
    weight_sum = sum(weight).clamp(min=1)
    terms = {"loss_cls": sum(cls) / assignment.average_factor, "loss_box": 2 * sum(box) / weight_sum,
             "loss_bins": 0.25 * sum(bins) / weight_sum}
    return terms, positives, weights
