"""GFL in plain PyTorch under mmdetection's parameter names, with random weights: checkpoints in both file formats, an
image, and the outputs that Skylift's detector must give. Run by tests/models/import_mmdet_test.cpp with .venv's Python:

    gfl_mmdet.py OUT [--depth 18] [--channels 64] [--classes 10] [--mm 2|3]

Writes OUT/zip.pth, OUT/legacy.pth and OUT/expected.pth (images, and per level cls and reg).
"""
import argparse
import collections
import pathlib
import sys

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError as error:
    print(f"no PyTorch: {error}")
    sys.exit(77)

PLANS = {18: (False, (2, 2, 2, 2)), 34: (False, (3, 4, 6, 3)), 50: (True, (3, 4, 6, 3)), 101: (True, (3, 4, 23, 3))}


class Block(nn.Module):
    """A residual block, two 3x3 convolutions or a bottleneck with its stride in the 3x3."""

    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        outputs = width * 4 if bottleneck else width
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        channels = [inputs] + [width] * (len(kernels) - 1) + [outputs]
        self.count = len(kernels)
        for i, (kernel, step) in enumerate(zip(kernels, strides)):
            conv = nn.Conv2d(channels[i], channels[i + 1], kernel, step, kernel // 2, bias=False)
            self.add_module(f"conv{i + 1}", conv)
            self.add_module(f"bn{i + 1}", nn.BatchNorm2d(channels[i + 1]))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = x
        for i in range(1, self.count + 1):
            out = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(out))
            if i < self.count:
                out = functional.relu(out)
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, depth):
        super().__init__()
        bottleneck, counts = PLANS[depth]
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for stage, count in enumerate(counts):
            blocks = []
            for i in range(count):
                blocks.append(Block(inputs, 64 << stage, 2 if stage > 0 and i == 0 else 1, bottleneck))
                inputs = (64 << stage) * (4 if bottleneck else 1)
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        outputs = []
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
            outputs.append(x)
        return outputs


class ConvModule(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, norm=False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=not norm)
        if norm:
            self.gn = nn.GroupNorm(32, outputs)

    def forward(self, x):
        x = self.conv(x)
        return functional.relu(self.gn(x)) if hasattr(self, "gn") else x


class Fpn(nn.Module):
    """start_level=1, add_extra_convs='on_output', num_outs=5."""

    def __init__(self, inputs, channels):
        super().__init__()
        self.lateral_convs = nn.ModuleList(ConvModule(count, channels, 1) for count in inputs[1:])
        self.fpn_convs = nn.ModuleList(ConvModule(channels, channels, 3, 1 if i < 3 else 2) for i in range(5))

    def forward(self, maps):
        maps = [conv(x) for conv, x in zip(self.lateral_convs, maps[1:])]
        for i in (2, 1):
            maps[i - 1] = maps[i - 1] + functional.interpolate(maps[i], size=maps[i - 1].shape[2:], mode="nearest")
        outputs = [conv(x) for conv, x in zip(self.fpn_convs, maps)]
        for conv in self.fpn_convs[3:]:
            outputs.append(conv(outputs[-1]))
        return outputs


class Scale(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(value))


class Integral(nn.Module):
    def __init__(self, reg_max):
        super().__init__()
        self.register_buffer("project", torch.linspace(0, reg_max, reg_max + 1))


class GflHead(nn.Module):
    def __init__(self, inputs, channels, classes, reg_max=16):
        super().__init__()
        towers = [[ConvModule(inputs if i == 0 else channels, channels, 3, norm=True) for i in range(4)] for _ in range(2)]
        self.cls_convs, self.reg_convs = map(nn.ModuleList, towers)
        self.gfl_cls = nn.Conv2d(channels, classes, 3, padding=1)
        self.gfl_reg = nn.Conv2d(channels, 4 * (reg_max + 1), 3, padding=1)
        self.scales = nn.ModuleList(Scale(0.5 + 0.25 * i) for i in range(5))
        self.integral = Integral(reg_max)

    def forward(self, maps):
        outputs = []
        for x, scale in zip(maps, self.scales):
            cls, reg = x, x
            for conv in self.cls_convs:
                cls = conv(cls)
            for conv in self.reg_convs:
                reg = conv(reg)
            outputs.append((self.gfl_cls(cls), self.gfl_reg(reg) * scale.scale))
        return outputs


class Gfl(nn.Module):
    def __init__(self, depth, channels, classes):
        super().__init__()
        self.backbone = ResNet(depth)
        last = 4 if PLANS[depth][0] else 1
        self.neck = Fpn([64 * last << i for i in range(4)], channels)
        self.bbox_head = GflHead(channels, channels, classes)

    def forward(self, images):
        return self.bbox_head(self.neck(self.backbone(images)))


def randomise(model):
    """Weights of a size that keeps the values near 1, norms that are not their start."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.1)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.8, 1.6)


def metadata(version, classes):
    names = tuple(f"name {i}" for i in range(classes))
    common = "style='pytorch', add_extra_convs='on_output', norm_cfg=dict(type='GN', num_groups=32)\n"
    if version == 2:
        return {"CLASSES": names, "config": common + "img_norm_cfg = dict(mean=[123.675, 116.28, 103.53], "
                "std=[58.395, 57.12, 57.375], to_rgb=True)\ndict(img_scale=(1333, 800))\ndict(size_divisor=32)"}
    return {"dataset_meta": {"CLASSES": names}, "epoch": 12, "cfg": common +
            "data_preprocessor=dict(bgr_to_rgb=True, mean=[123.675, 116.28, 103.53], pad_size_divisor=32, "
            "std=[58.395, 57.12, 57.375])\ndict(scale=(1333, 800))"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--depth", type=int, default=18, choices=PLANS)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--mm", type=int, default=2, choices=(2, 3))
    arguments = parser.parse_args()
    torch.manual_seed(5)
    model = Gfl(arguments.depth, arguments.channels, arguments.classes).eval()
    randomise(model)
    images = torch.randn(2, 3, 96, 160)
    with torch.no_grad():
        outputs = model(images)
    expected = {"images": images}
    for level, (cls, reg) in enumerate(outputs):
        expected[f"cls{level}"], expected[f"reg{level}"] = cls, reg
    state = collections.OrderedDict(model.state_dict())
    checkpoint = {"meta": metadata(arguments.mm, arguments.classes), "state_dict": state}
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, arguments.out / "zip.pth")
    torch.save(checkpoint, arguments.out / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(expected, arguments.out / "expected.pth")


if __name__ == "__main__":
    main()
