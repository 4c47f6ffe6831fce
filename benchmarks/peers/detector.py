"""GFL in plain PyTorch with Skylift's parameter names: backbone, feature pyramid, one head shared by all levels."""
import math

import torch
from torch import nn
from torch.nn import functional

from . import model_file
from .backbones import make_backbone


class FeaturePyramid(nn.Module):
    def __init__(self, inputs, channels, first_level, last_level):
        super().__init__()
        self.first, self.last = first_level, last_level
        for level in range(first_level, 6):
            self.add_module(f"lateral{level}", nn.Conv2d(inputs[level - 2], channels, 1))
        for level in range(first_level, last_level + 1):
            self.add_module(f"output{level}", nn.Conv2d(channels, channels, 3, 2 if level > 5 else 1, 1))
        for module in self.children():
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    def forward(self, maps):
        maps = [getattr(self, f"lateral{level}")(maps[level - 2]) for level in range(self.first, 6)]
        for i in range(len(maps) - 1, 0, -1):
            maps[i - 1] = maps[i - 1] + functional.interpolate(maps[i], size=maps[i - 1].shape[2:], mode="nearest")
        pyramid = []
        for i, level in enumerate(range(self.first, self.last + 1)):
            pyramid.append(getattr(self, f"output{level}")(maps[i] if i < len(maps) else pyramid[-1]))
        return pyramid


class ConvModule(nn.Module):
    def __init__(self, inputs, outputs, groups):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(next(g for g in range(min(groups, outputs), 0, -1) if outputs % g == 0), outputs)
        self.relu = nn.ReLU(inplace=True)
        nn.init.normal_(self.conv.weight, std=0.01)

    def forward(self, x):
        return self.relu(self.norm(self.conv(x)))


class GflHead(nn.Module):
    def __init__(self, inputs, channels, depth, classes, levels, groups, reg_max):
        super().__init__()
        tower = lambda: nn.Sequential(*(ConvModule(inputs if i == 0 else channels, channels, groups) for i in range(depth)))
        self.cls_tower, self.reg_tower = tower(), tower()
        self.cls_predictor = nn.Conv2d(channels, classes, 3, padding=1)
        self.box_predictor = nn.Conv2d(channels, 4 * (reg_max + 1), 3, padding=1)
        for predictor in (self.cls_predictor, self.box_predictor):
            nn.init.normal_(predictor.weight, std=0.01)
            nn.init.zeros_(predictor.bias)
        nn.init.constant_(self.cls_predictor.bias, -math.log(99))
        self.level_scales = nn.Parameter(torch.ones(levels))

    def forward(self, pyramid):
        """Per level the class logits [B,C,H,W] and the box logits [B,4(R+1),H,W], in float."""
        cls_logits, box_logits = [], []
        for x, scale in zip(pyramid, self.level_scales):
            cls_logits.append(self.cls_predictor(self.cls_tower(x)).float())
            box_logits.append((self.box_predictor(self.reg_tower(x)) * scale).float())
        return cls_logits, box_logits


class Detector(nn.Module):
    """`options`: those of a model file's card. Light-ML is not in it."""

    def __init__(self, options, classes):
        super().__init__()
        if options["head.lifting.enabled"]:
            raise ValueError("the peer has no Light-ML")
        first, last, channels = options["neck.first_level"], options["neck.last_level"], options["neck.channels"]
        self.strides = [1 << level for level in range(first, last + 1)]
        self.frozen_stages, self.norm_eval = options["backbone.frozen_stages"], options["backbone.norm_eval"]
        self.backbone = make_backbone(options["backbone.name"], options["backbone.width"])
        self.neck = FeaturePyramid(self.backbone.channels, channels, first, last)
        self.head = GflHead(channels, options["head.channels"], options["head.depth"], classes, len(self.strides),
                            options["head.norm_groups"], options["head.reg_max"])
        for module in self.frozen():
            module.requires_grad_(False)
        self.train()

    def frozen(self):
        return [module for stage in self.backbone.stages()[:self.frozen_stages + 1] for module in stage]

    def train(self, mode=True):
        super().train(mode)
        for module in [self.backbone] if mode and self.norm_eval else self.frozen() if mode else []:
            for norm in module.modules():
                if isinstance(norm, nn.BatchNorm2d):
                    norm.eval()
        return self

    def forward(self, images):
        return self.head(self.neck(self.backbone(images)))


def load_detector(path):
    card, tensors = model_file.read(path)
    detector = Detector(card["options"], len(card["classes"]))
    detector.load_state_dict(tensors)
    return detector
