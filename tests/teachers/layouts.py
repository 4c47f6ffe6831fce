"""layouts.py DRIVER: for each way in which other tools write a detector's outputs a small ONNX file with random weights,
what it says decoded here in NumPy, and the same from Skylift: probabilities and boxes agree to 1e-4 (boxes relative to
their stride)."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

CLASSES = ["car", "bus", "van"]
COUNT, REG_MAX = len(CLASSES), 7
STRIDES = (8, 16, 32)
SIDE = {"height": 96, "width": 160}
RNG = np.random.default_rng(7)


class Graph:
    """Nodes one after the other; every method returns the name of what it makes."""

    def __init__(self, takes=TensorProto.FLOAT):
        self.nodes, self.constants, self.takes = [], [], takes
        self.images = "images" if takes == TensorProto.FLOAT else self.add("Cast", "images", to=TensorProto.FLOAT)

    def add(self, kind, *inputs, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def head(self, stride, channels, scale=1.0, shift=0.0):
        """[B,channels,h,w] of the image's mean over each cell."""
        pooled = self.add("AveragePool", self.images, kernel_shape=[stride] * 2, strides=[stride] * 2)
        weight = self.constant((scale * RNG.normal(size=(channels, 3, 1, 1)) / 60).astype(np.float32))
        bias = self.constant((shift + scale * 0.3 * RNG.normal(size=channels)).astype(np.float32))
        return self.add("Conv", pooled, weight, bias)

    def rows(self, value):
        """[B,K,h,w] -> [B,h*w,K]."""
        flat = self.add("Reshape", value, self.constant(np.array([0, 0, -1], np.int64)))
        return self.add("Transpose", flat, perm=[0, 2, 1])

    def save(self, path, outputs, metadata=None, free=True):
        made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        size = ["batch", 3, "height", "width"] if free else [1, 3, *SIDE.values()]  # a batch of one: two runs
        takes = helper.make_tensor_value_info("images", self.takes, size)
        graph = helper.make_graph(self.nodes, "detector", [takes], made, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        helper.set_model_props(model, metadata or {})
        onnx.save(model, str(path))

    def named(self, value, name):
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        return name


def grid(stride, shift):
    height, width = SIDE["height"] // stride, SIDE["width"] // stride
    y, x = np.meshgrid(np.arange(height) + shift, np.arange(width) + shift, indexing="ij")
    return x * stride, y * stride


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def corners(x, y, w, h):
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)


def around(points, distances):
    """Points (x, y) and distances [B,4,h,w], px."""
    x, y = points
    left, top, right, bottom = np.moveaxis(distances, 1, 0)
    return np.stack([x - left, y - top, x + right, y + bottom], 1)


def levels_of(rows):
    """[B,N,K] -> [B,K,h,w] of each stride."""
    at, maps = 0, []
    for stride in STRIDES:
        height, width = SIDE["height"] // stride, SIDE["width"] // stride
        part = rows[:, at:at + height * width]
        maps.append(part.transpose(0, 2, 1).reshape(len(rows), -1, height, width))
        at += height * width
    return maps


def softmax_distances(map_):
    batch, _, height, width = map_.shape
    bins = map_.reshape(batch, 4, REG_MAX + 1, height, width)
    weights = np.exp(bins - bins.max(2, keepdims=True))
    weights /= weights.sum(2, keepdims=True)
    return (weights * np.arange(REG_MAX + 1).reshape(1, 1, -1, 1, 1)).sum(2)


def decoded_boxes(graph, stride):
    """Centre and size in px, as a decoding head writes them: [B,4,h,w]."""
    x, y = grid(stride, 0.5)
    offsets = graph.add("Mul", graph.add("Tanh", graph.head(stride, 2)), graph.constant(np.float32(stride)))
    centres = graph.add("Add", offsets, graph.constant(np.stack([x, y])[None].astype(np.float32)))
    sizes = graph.add("Mul", graph.add("Exp", graph.head(stride, 2, 0.5)), graph.constant(np.float32(3 * stride)))
    return graph.add("Concat", centres, sizes, axis=1)


def ultralytics(path):
    """v8 to v12: [B,4+C,N], centres and sizes in px, names in the metadata."""
    graph = Graph()
    parts = [graph.add("Concat", decoded_boxes(graph, s), graph.add("Sigmoid", graph.head(s, COUNT, 4)), axis=1)
             for s in STRIDES]
    rows = graph.add("Concat", *[graph.rows(part) for part in parts], axis=1)
    graph.named(graph.add("Transpose", rows, perm=[0, 2, 1]), "output0")
    graph.save(path, ["output0"], {"names": str(dict(enumerate(CLASSES))), "stride": "32", "task": "detect"}, free=False)
    return lambda out, image: {
        s: (m[:, 4:], corners(*np.moveaxis(m[:, :4], 1, 0))) for s, m in zip(STRIDES, levels_of(out[0].transpose(0, 2, 1)))
    }, lambda image: image / 255


def plain_rows(path, takes=TensorProto.FLOAT):
    """[B,N,4+C] without objectness and metadata."""
    graph = Graph(takes)
    parts = [graph.add("Concat", decoded_boxes(graph, s), graph.add("Sigmoid", graph.head(s, COUNT, 4)), axis=1)
             for s in STRIDES]
    graph.named(graph.add("Concat", *[graph.rows(part) for part in parts], axis=1), "out")
    graph.save(path, ["out"], free=False)
    return lambda out, image: {
        s: (m[:, 4:], corners(*np.moveaxis(m[:, :4], 1, 0))) for s, m in zip(STRIDES, levels_of(out[0]))
    }, lambda image: image / 255


def half_rows(path):
    """Images as float16, as exports for a GPU's memory take them."""
    return plain_rows(path, TensorProto.FLOAT16)


def yolox(path):
    """[B,N,5+C]: offsets and log sizes in strides, objectness; BGR 0..255."""
    graph = Graph()
    parts = []
    for s in STRIDES:
        box = graph.add("Concat", graph.head(s, 2), graph.head(s, 2, 0.3, 0.7), axis=1)
        scores = graph.add("Concat", graph.head(s, 1, 0.05), graph.head(s, COUNT, 0.6), axis=1)
        parts.append(graph.rows(graph.add("Concat", box, graph.add("Sigmoid", scores), axis=1)))
    graph.named(graph.add("Concat", *parts, axis=1), "output")
    graph.save(path, ["output"])

    def decode(out, image):
        result = {}
        for s, m in zip(STRIDES, levels_of(out[0])):
            x, y = grid(s, 0)
            w, h = np.exp(m[:, 2]) * s, np.exp(m[:, 3]) * s
            result[s] = (m[:, 5:] * m[:, 4:5], corners(m[:, 0] * s + x, m[:, 1] * s + y, w, h))
        return result
    return decode, lambda image: image[:, ::-1]


MEAN = np.array([103.53, 116.28, 123.675], np.float32).reshape(1, 3, 1, 1)
DEVIATION = np.array([57.375, 57.12, 58.395], np.float32).reshape(1, 3, 1, 1)


def of_mmdetection(image):
    return (image[:, ::-1] - MEAN) / DEVIATION


def nanodet(path):
    """Classes (probabilities) and bins of each level as [B,n,K], by names that say nothing."""
    graph = Graph()
    names = []
    for number, s in enumerate(STRIDES):
        names.append(graph.named(graph.rows(graph.add("Sigmoid", graph.head(s, COUNT, 3))), str(700 + number)))
    for number, s in enumerate(STRIDES):
        names.append(graph.named(graph.rows(graph.head(s, 4 * (REG_MAX + 1), 3)), str(800 + number)))
    graph.save(path, names)

    def decode(out, image):
        cls = {s: levels(o, s) for s, o in zip(STRIDES, out[:3])}
        box = {s: levels(o, s) for s, o in zip(STRIDES, out[3:])}
        return {s: (cls[s], around(grid(s, 0.5), softmax_distances(box[s]) * s)) for s in STRIDES}
    return decode, of_mmdetection


def levels(rows, stride):
    return rows.transpose(0, 2, 1).reshape(len(rows), -1, SIDE["height"] // stride, SIDE["width"] // stride)


def nanodet_plus(path):
    """[B,N,C+4(R+1)], points without the half cell."""
    graph = Graph()
    parts = [graph.rows(graph.add("Concat", graph.add("Sigmoid", graph.head(s, COUNT, 3)),
                                  graph.head(s, 4 * (REG_MAX + 1), 3), axis=1)) for s in STRIDES]
    graph.named(graph.add("Concat", *parts, axis=1), "output")
    graph.save(path, ["output"])
    return lambda out, image: {
        s: (m[:, :COUNT], around(grid(s, 0), softmax_distances(m[:, COUNT:]) * s)) for s, m in zip(STRIDES, levels_of(out[0]))
    }, of_mmdetection


def rtmdet(path):
    """Logits and distances in px of each level, [B,K,H,W]; points without the half cell."""
    graph = Graph()
    names = []
    for s in STRIDES:
        names.append(graph.named(graph.head(s, COUNT, 3), f"cls_{s}"))
    for s in STRIDES:
        size = graph.add("Mul", graph.add("Exp", graph.head(s, 4, 1.5)), graph.constant(np.float32(s)))
        names.append(graph.named(size, f"reg_{s}"))
    graph.save(path, names)
    return lambda out, image: {
        s: (sigmoid(cls), around(grid(s, 0), box)) for s, cls, box in zip(STRIDES, out[:3], out[3:])
    }, of_mmdetection


LAYOUTS = [ultralytics, plain_rows, half_rows, yolox, nanodet, nanodet_plus, rtmdet]


def write_images(path, images):
    header = json.dumps({"images": {"dtype": "F32", "shape": list(images.shape), "data_offsets": [0, images.nbytes]}}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + images.tobytes())


def read_tensors(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + at for at in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], np.float32).reshape(entry["shape"])
    return tensors


def reachable(boxes, stride):
    """As bins hold them: sides within 0 .. 16 strides of the student's point."""
    x, y = grid(stride, 0)
    low = np.clip(np.stack([x - boxes[:, 0], y - boxes[:, 1]], 1), 0, 16 * stride)
    high = np.clip(np.stack([boxes[:, 2] - x, boxes[:, 3] - y], 1), 0, 16 * stride)
    return np.stack([x - low[:, 0], y - low[:, 1], x + high[:, 0], y + high[:, 1]], 1)


def main(driver):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="skylift-layouts-"))
    images = RNG.uniform(0, 255, (2, 3, SIDE["height"], SIDE["width"])).astype(np.float32)
    kinds = {}
    for layout in LAYOUTS:
        kinds[layout.__name__] = layout(folder / f"{layout.__name__}.onnx")
        write_images(folder / f"{layout.__name__}.safetensors", images)
    done = subprocess.run([driver, folder, ",".join(CLASSES), *kinds], capture_output=True, text=True)
    print(done.stdout + done.stderr)
    failures = done.returncode
    for name, (decode, takes) in kinds.items():
        session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        number = np.float16 if "16" in session.get_inputs()[0].type else np.float32
        each = [np.ascontiguousarray(takes(images[i:i + 1]), dtype=number) for i in range(len(images))]
        out = [np.concatenate(parts) for parts in zip(*(session.run(None, {"images": image}) for image in each))]
        got = read_tensors(folder / f"{name}.out.safetensors")
        worst_score = worst_box = spread = 0
        for stride, (scores, boxes) in decode(out, images).items():
            spread = max(spread, scores.max() - scores.min())
            worst_score = max(worst_score, np.abs(np.clip(scores, 1e-4, 1 - 1e-4) - got[f"scores_{stride}"]).max())
            worst_box = max(worst_box, np.abs(reachable(boxes, stride) - got[f"boxes_{stride}"]).max() / stride)
        good = worst_score < 1e-4 and worst_box < 1e-4 and spread > 0.05
        failures += not good
        print(f"{'ok' if good else 'WRONG'}  {name}: scores differ by up to {worst_score:.1e}, boxes by {worst_box:.1e} strides; scores spread over {spread:.2f}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
