"""LD and BCKD under a live teacher, as their authors' mmdetection code computes them: level by level, over whole maps.

LD as in the repository HikariTJU/LD with its divisors (Skylift's kd.normalise = "authors"), BCKD as in TinyTigerPan/BCKD, except that
levels without positives count, as in Skylift. The valuable region of LD follows Zheng et al. 2022 with DIoU over all anchors and objects.
"""
import torch
from torch.nn import functional

from .losses import aligned, by_level, decode, integral, rows

TEMPERATURE = 10


def soft_bins(student, teacher):
    """[N] KL of the four sides' distributions, averaged over the bins, times T^2, summed over the sides."""
    bins = student.shape[1] // 4
    log_p = functional.log_softmax(student.reshape(-1, bins) / TEMPERATURE, 1)
    q = functional.softmax(teacher.reshape(-1, bins) / TEMPERATURE, 1)
    return functional.kl_div(log_p, q, reduction="none").mean(1).reshape(-1, 4).sum(1) * TEMPERATURE**2


def valuable_region(anchors, boxes, image):
    """[A] weight of an image's anchors that overlap an object too little to be positive, 0 elsewhere."""
    overlaps, thresholds = image["overlaps"], image["thresholds"]
    if len(boxes) == 0:
        return anchors.new_zeros(len(anchors))
    around = torch.max(anchors[:, None, 2:], boxes[None, :, 2:]) - torch.min(anchors[:, None, :2], boxes[None, :, :2])
    offsets = (anchors[:, None, :2] + anchors[:, None, 2:] - boxes[None, :, :2] - boxes[None, :, 2:]) / 2
    diou = overlaps - offsets.pow(2).sum(-1) / around.pow(2).sum(-1).clamp(min=1e-6)
    belongs = (diou < thresholds) & (diou >= 0.25 * thresholds) & image["allowed"][:, None]
    return (overlaps * belongs).max(1).values


def ld_terms(student, teacher, grid, batch, assignment, positives, weights):
    """`positives`, `weights`: of detection_loss."""
    regions = torch.stack([valuable_region(assignment.anchors, target["boxes"], image)
                           for target, image in zip(batch["targets"], assignment.images)])
    main = vlr = 0
    for level, region in enumerate(by_level(regions, grid[2])):
        student_bins, teacher_bins = rows(student[1][level]), rows(teacher[1][level])
        where = positives[level]
        if len(where):
            main = main + (soft_bins(student_bins[where], teacher_bins[where]) * weights[level]).sum() / 4
        where = region.nonzero().squeeze(1)
        if len(where):
            vlr = vlr + (soft_bins(student_bins[where], teacher_bins[where]) * region[where]).sum() / 16
    return {"kd_ld_main": 0.25 * main, "kd_ld_vlr": 0.25 * vlr}


def bckd_terms(student, teacher, grid, batch, assignment, positives, weights):
    """With the published weights 1 and 4."""
    cls = box = 0
    for level, counted in enumerate(by_level(assignment.weights, grid[2])):
        logits, scores = rows(student[0][level]), rows(teacher[0][level]).sigmoid()
        gap = (scores - logits.sigmoid()).abs()
        entropy = functional.binary_cross_entropy_with_logits(logits, scores, reduction="none")
        cls = cls + ((entropy * gap).sum(1) * counted).sum()
        distances = [integral(rows(maps[1][level])) for maps in (student, teacher)]
        origin = distances[0].new_zeros(len(counted), 2)
        giou = aligned(*(decode(origin, each) for each in distances), generalised=True)
        box = box + ((1 - giou) * gap.detach().max(1).values * counted).sum()
    return {"kd_bckd_cls": cls / assignment.average_factor, "kd_bckd_box": 4 * box / assignment.average_factor}


METHODS = {"ld": ld_terms, "bckd": bckd_terms}
