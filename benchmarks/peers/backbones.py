"""ResNet and EfficientNet-Lite in plain PyTorch: torchvision's and efficientnet-lite-pytorch's layers and names, C2..C5 as outputs."""
import math

from torch import nn
from torch.nn import functional

RESNETS = {"resnet18": (False, (2, 2, 2, 2)), "resnet34": (False, (3, 4, 6, 3)), "resnet50": (True, (3, 4, 6, 3)),
           "resnet101": (True, (3, 4, 23, 3))}
LITES = {"efficientnet_lite0": ((16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)),
         "efficientnet_lite1": ((16, 24, 40, 80, 112, 192, 320), (1, 3, 3, 4, 4, 5, 1)),
         "efficientnet_lite2": ((16, 24, 48, 88, 120, 208, 352), (1, 3, 3, 4, 4, 5, 1))}
LITE_KERNELS, LITE_STRIDES = (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 2, 1, 2, 1)
LITE_STAGES = (1, 1, 2, 3, 3, 4, 4)  # rows of blocks that end in C2..C5


def scaled(channels, width):
    return channels if width == 1 else max(8, math.floor(channels * width / 8 + 0.5) * 8)


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
            self.add_module(f"conv{i + 1}", nn.Conv2d(channels[i], channels[i + 1], kernel, step, kernel // 2, bias=False))
            self.add_module(f"bn{i + 1}", nn.BatchNorm2d(channels[i + 1]))
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        for i in range(1, self.count + 1):
            x = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x))
            if i < self.count:
                x = self.relu(x)
        x += shortcut
        return self.relu(x)


class ResNet(nn.Module):
    def __init__(self, name, width=1.0):
        super().__init__()
        bottleneck, counts = RESNETS[name]
        inputs = scaled(64, width)
        self.conv1 = nn.Conv2d(3, inputs, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.channels = []
        for stage, count in enumerate(counts):
            blocks, inner = [], scaled(64 << stage, width)
            for i in range(count):
                blocks.append(Block(inputs, inner, 2 if i == 0 and stage > 0 else 1, bottleneck))
                inputs = inner * (4 if bottleneck else 1)
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            self.channels.append(inputs)

    def stages(self):
        return [[self.conv1, self.bn1], *([getattr(self, f"layer{i}")] for i in (1, 2, 3, 4))]

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        maps = []
        for i in (1, 2, 3, 4):
            x = getattr(self, f"layer{i}")(x)
            maps.append(x)
        return maps


class SameConv(nn.Conv2d):
    """TensorFlow's padding: the odd pixel at the end."""

    def forward(self, x):
        pads = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size, self.stride):
            total = max(0, (math.ceil(size / stride) - 1) * stride + kernel - size)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(x, pads) if any(pads) else x)


class LiteBlock(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, factor):
        super().__init__()
        width = inputs * factor
        self.shortcut = stride == 1 and inputs == outputs
        self.expands = factor != 1
        norm = dict(eps=1e-3, momentum=0.01)
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, width, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(width, **norm)
        self._depthwise_conv = SameConv(width, width, kernel, stride, groups=width, bias=False)
        self._bn1 = nn.BatchNorm2d(width, **norm)
        self._project_conv = nn.Conv2d(width, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, **norm)
        self._relu = nn.ReLU6(inplace=True)

    def forward(self, inputs):
        x = self._relu(self._bn0(self._expand_conv(inputs))) if self.expands else inputs
        x = self._relu(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        return x + inputs if self.shortcut else x


class EfficientNetLite(nn.Module):
    def __init__(self, name, width=1.0):
        super().__init__()
        inputs = scaled(32, width)
        self._conv_stem = SameConv(3, inputs, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(inputs, eps=1e-3, momentum=0.01)
        self._relu = nn.ReLU6(inplace=True)
        blocks, self.stage_of, self.channels = [], [], []
        for row, (outputs, repeats) in enumerate(zip(*LITES[name])):
            outputs = scaled(outputs, width)
            for i in range(repeats):
                blocks.append(LiteBlock(inputs, outputs, LITE_KERNELS[row], LITE_STRIDES[row] if i == 0 else 1, 1 if row == 0 else 6))
                self.stage_of.append(LITE_STAGES[row])
                inputs = outputs
            if LITE_STAGES[row] not in LITE_STAGES[row + 1:]:
                self.channels.append(inputs)
        self._blocks = nn.ModuleList(blocks)

    def stages(self):
        stem = [self._conv_stem, self._bn0]
        return [stem, *([block for block, stage in zip(self._blocks, self.stage_of) if stage == k] for k in (1, 2, 3, 4))]

    def forward(self, x):
        x = self._relu(self._bn0(self._conv_stem(x)))
        maps = []
        for i, block in enumerate(self._blocks):
            x = block(x)
            if self.stage_of[i] not in self.stage_of[i + 1:]:
                maps.append(x)
        return maps


def make_backbone(name, width):
    return ResNet(name, width) if name in RESNETS else EfficientNetLite(name, width)
