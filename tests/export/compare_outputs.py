"""Raw exports in onnxruntime and OpenVINO against libtorch's outputs: every kind of detector, free sizes, batches of one and three."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import openvino

RELATIVE = {"fp32": 2e-5, "fp16": 1e-2}  # of the largest output


def read_safetensors(path):
    """{name: array} of float tensors."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(data[8 + length + begin:8 + length + end], np.float32).reshape(entry["shape"])
    return arrays


def runners(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(path), options)
    names = [output.name for output in session.get_outputs()]
    yield "onnxruntime", lambda images: dict(zip(names, session.run(None, {"images": images})))
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    yield "openvino", lambda images: {name: compiled({"images": images})[name] for name in names}


def compare(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    tensors = read_safetensors(path.with_suffix(".safetensors"))
    failures = []
    for runtime, run in runners(path):
        worst = 0.0
        for number in sorted({name.split("/")[0] for name in tensors}):
            found = run(tensors[number + "/images"])
            expected = {name.split("/")[1]: array for name, array in tensors.items() if name.startswith(number + "/") and not name.endswith("images")}
            if set(found) != set(expected):
                failures.append(f"{path.stem}: {runtime}: outputs {sorted(found)}, expected {sorted(expected)}")
                continue
            for name, array in expected.items():
                if found[name].shape != array.shape:
                    failures.append(f"{path.stem}: {runtime}: {name} has shape {found[name].shape}, expected {array.shape}")
                    continue
                difference = np.abs(found[name] - array).max() / np.abs(array).max()
                worst = max(worst, float(difference)) if np.isfinite(difference) else np.inf
        print(f"{path.stem:24} {runtime:12} largest relative difference {worst:.2e}")
        if worst > RELATIVE[metadata["precision"]]:
            failures.append(f"{path.stem}: {runtime}: differs by {worst:.2e} of the largest output")
    return failures


def main():
    driver, files = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="skylift-export-") as folder:
        subprocess.run([driver, folder, *files], check=True)
        paths = sorted(pathlib.Path(folder).glob("*.onnx"))
        if len(paths) < 5:
            sys.exit("the driver wrote too few models")
        failures = [failure for path in paths for failure in compare(path)]
    print("\n".join(failures) or f"{len(paths)} models agree")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
