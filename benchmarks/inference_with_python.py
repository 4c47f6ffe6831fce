"""The pipelines that inference.py compares with, each as a process of its own: opencv + a runtime, as a careful user would write it.

usage: inference_with_python.py KIND MODEL.onnx IMAGE_DIR SCORE [TILE]     KIND: bare, onnxruntime, openvino, sahi
Prints JSON: seconds for all images (the model is loaded and warm), detections, peak memory, latencies, seconds in the network.
"""
import json
import pathlib
import resource
import sys
import tempfile
import time

import cv2
import numpy as np


class Model:
    """An exported model: what its metadata says, and the code around any runtime."""

    def __init__(self, path, score):
        import onnx
        card = {entry.key: entry.value for entry in onnx.load(path, load_external_data=False).metadata_props}
        self.card = json.loads(card["skylift.model"])
        self.classes = self.card["classes"]
        self.pre = self.card["preprocess"]
        self.path, self.score, self.network_seconds = path, score, 0.0
        self.mean = np.array(self.pre["mean"], np.float32)
        self.inverse = 1 / np.array(self.pre["deviation"], np.float32)
        self.bins = np.arange(self.card["options"]["head.reg_max"] + 1, dtype=np.float32)

    def content_size(self, width, height):
        scale = min(self.pre["long_side"] / max(width, height), self.pre["short_side"] / min(width, height))
        return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))

    def prepare(self, rgb):
        width, height = self.content_size(rgb.shape[1], rgb.shape[0])
        resized = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        resized -= self.mean
        resized *= self.inverse
        multiple = self.pre["pad_multiple"]
        images = np.zeros((1, 3, -(-height // multiple) * multiple, -(-width // multiple) * multiple), np.float32)
        images[0, :, :height, :width] = resized.transpose(2, 0, 1)
        return images, (width, height)

    def decode(self, outputs, content, original):
        """outputs: stride -> (class logits [C,H,W], box logits [4(R+1),H,W]). [N,4] x, y, w, h; scores; classes."""
        limit = np.log(self.score / (1 - self.score))
        boxes, scores, labels = [], [], []
        for stride, (cls, box) in outputs.items():
            flat = cls.reshape(-1)
            chosen = np.flatnonzero(flat > limit)
            if len(chosen) > 1000:
                chosen = chosen[np.argpartition(-flat[chosen], 1000)[:1000]]
            if len(chosen) == 0:
                continue
            width = cls.shape[2]
            label, cell = np.divmod(chosen, cls.shape[1] * width)
            logits = box.reshape(4, len(self.bins), -1)[:, :, cell]
            weights = np.exp(logits - logits.max(1, keepdims=True))
            sides = (weights * self.bins[None, :, None]).sum(1) / weights.sum(1) * stride
            x, y = cell % width * stride, cell // width * stride
            boxes.append(np.stack([x - sides[0], y - sides[1], x + sides[2], y + sides[3]], 1))
            scores.append(1 / (1 + np.exp(-flat[chosen])))
            labels.append(label)
        if not boxes:
            return np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)
        boxes, scores, labels = np.concatenate(boxes), np.concatenate(scores), np.concatenate(labels)
        boxes[:, 0::2] = boxes[:, 0::2].clip(0, content[0])
        boxes[:, 1::2] = boxes[:, 1::2].clip(0, content[1])
        boxes[:, 2:] -= boxes[:, :2]
        kept = np.array(cv2.dnn.NMSBoxesBatched(boxes, scores, labels, self.score, 0.6), int)[:500]
        return boxes[kept] / (np.array([*content, *content]) / np.array([*original, *original])), scores[kept], labels[kept]

    def detect(self, rgb):
        images, content = self.prepare(rgb)
        begin = time.perf_counter()
        outputs = self.run(images)
        self.network_seconds += time.perf_counter() - begin
        return self.decode(outputs, content, (rgb.shape[1], rgb.shape[0]))


class OnnxRuntime(Model):
    def __init__(self, path, score):
        import onnxruntime
        super().__init__(path, score)
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def run(self, images):
        found = dict(zip(self.names, self.session.run(None, {"images": images})))
        strides = sorted(int(name.rsplit("_", 1)[1]) for name in found if name.startswith("cls"))
        return {s: (found[f"cls_logits_{s}"][0], found[f"box_logits_{s}"][0]) for s in strides}


class OpenVino(Model):
    """A graph for each size, as OpenVINO runs fastest; float32, as the default on this hardware would be bf16."""

    def __init__(self, path, score, mode="LATENCY"):
        import openvino
        super().__init__(path, score)
        self.core, self.network, self.compiled = openvino.Core(), None, {}
        self.settings = {"PERFORMANCE_HINT": mode, "INFERENCE_PRECISION_HINT": "f32"}

    def graph(self, shape):
        if shape not in self.compiled:
            network = self.core.read_model(self.path)
            network.reshape(list(shape))
            self.compiled[shape] = self.core.compile_model(network, "CPU", self.settings)
        return self.compiled[shape]

    def run(self, images):
        compiled = self.graph(images.shape)
        found = compiled(images, share_inputs=True, share_outputs=True)
        by_name = {output.get_any_name(): found[output] for output in compiled.outputs}
        strides = sorted(int(name.rsplit("_", 1)[1]) for name in by_name if name.startswith("cls"))
        return {s: (by_name[f"cls_logits_{s}"][0], by_name[f"box_logits_{s}"][0]) for s in strides}


def start_clocks():
    return time.perf_counter(), time.process_time()


def clocks_since(begin):
    """Seconds by the clock, and of all threads together."""
    return time.perf_counter() - begin[0], time.process_time() - begin[1]


def read(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def rows_of(image_id, found):
    return [{"image_id": image_id, "category_id": int(label) + 1, "bbox": [float(v) for v in box], "score": float(score)}
            for box, score, label in zip(*found)]


def run_pipeline(model, paths):
    model.detect(read(paths[0]))  # warm
    model.network_seconds, latencies, rows = 0.0, [], []
    begin = start_clocks()
    for number, path in enumerate(paths, 1):
        start = time.perf_counter()
        found = model.detect(read(path))
        latencies.append(time.perf_counter() - start)
        rows += rows_of(number, found)
    with tempfile.NamedTemporaryFile("w") as stream:
        json.dump(rows, stream)
    return *clocks_since(begin), len(rows), latencies


def run_bare(model, paths):
    """The network alone, as fast as OpenVINO gets: its throughput mode, inputs made ready before the clock starts."""
    import openvino
    inputs = [model.prepare(read(path))[0] for path in paths]
    queues = {}
    for images in inputs:
        if images.shape not in queues:
            queues[images.shape] = openvino.AsyncInferQueue(model.graph(images.shape))
            queues[images.shape].start_async({0: images})
            queues[images.shape].wait_all()
    begin = start_clocks()
    for images in inputs:
        queues[images.shape].start_async({0: images}, share_inputs=True)
    for queue in queues.values():
        queue.wait_all()
    return *clocks_since(begin), 0, []


def run_sahi(model, paths, tile):
    from sahi.models.base import DetectionModel
    from sahi.postprocess.backends import set_postprocess_backend
    from sahi.predict import get_sliced_prediction
    from sahi.prediction import ObjectPrediction

    class Wrapped(DetectionModel):
        def load_model(self):
            self.model = model

        def set_device(self, device=None):
            self.device = "cpu"

        def perform_inference(self, image):
            self._original_predictions = model.detect(image)

        def _create_object_prediction_list_from_original_predictions(self, shift_amount_list=[[0, 0]], full_shape_list=None):
            shift = shift_amount_list[0] if isinstance(shift_amount_list[0], (list, tuple)) else shift_amount_list
            full = full_shape_list[0] if full_shape_list and isinstance(full_shape_list[0], (list, tuple)) else full_shape_list
            boxes, scores, labels = self._original_predictions
            self._object_prediction_list_per_image = [[
                ObjectPrediction(bbox=[x, y, x + w, y + h], score=float(score), category_id=int(label),
                                 category_name=model.classes[int(label)], shift_amount=shift, full_shape=full)
                for (x, y, w, h), score, label in zip(boxes, scores, labels)]]

    set_postprocess_backend("numpy")
    wrapped = Wrapped(confidence_threshold=model.score)

    def predict(path):
        return get_sliced_prediction(read(path), wrapped, slice_height=tile, slice_width=tile, overlap_height_ratio=0.2,
                                     overlap_width_ratio=0.2, postprocess_type="GREEDYNMM", postprocess_match_metric="IOS",
                                     postprocess_match_threshold=0.5, force_postprocess_type=True, verbose=0)

    predict(paths[0])
    model.network_seconds, latencies, rows = 0.0, [], []
    begin = start_clocks()
    for number, path in enumerate(paths, 1):
        start = time.perf_counter()
        found = predict(path)
        latencies.append(time.perf_counter() - start)
        rows += found.to_coco_predictions(image_id=number)
    with tempfile.NamedTemporaryFile("w") as stream:
        json.dump(rows, stream, default=float)
    return *clocks_since(begin), len(rows), latencies


def main():
    kind, path, folder, score = sys.argv[1:5]
    cv2.setNumThreads(0 if kind == "bare" else -1)
    paths = sorted(pathlib.Path(folder).iterdir())
    if kind == "bare":
        model = OpenVino(path, float(score), "THROUGHPUT")
        seconds, cpu_seconds, detections, latencies = run_bare(model, paths)
    elif kind == "sahi":
        model = OpenVino(path, float(score))
        seconds, cpu_seconds, detections, latencies = run_sahi(model, paths, int(sys.argv[5]))
    else:
        model = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}[kind](path, float(score))
        seconds, cpu_seconds, detections, latencies = run_pipeline(model, paths)
    print(json.dumps({"seconds": seconds, "images": len(paths), "detections": detections,
                      "network_seconds": model.network_seconds, "cpu_seconds": cpu_seconds,
                      "latency_ms": {f"p{p}": float(np.percentile(latencies, p)) * 1000 for p in (50, 90, 99)} if latencies else {},
                      "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
