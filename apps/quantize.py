"""FLOAT_ONNX OUT: int8 with NNCF, calibrated on the tensors in FLOAT_ONNX.calibration/. A part of `skylift export --precision int8`."""
import json
import pathlib
import struct
import sys

try:
    import nncf
    import numpy as np
    import onnx
except ImportError as error:
    sys.exit(f"{sys.executable}: {error}")


def read_safetensors(path):
    """{name: array} of float tensors."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    return {name: np.frombuffer(data[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]], np.float32).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def main():
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    model = onnx.load(source)
    files = sorted(pathlib.Path(f"{source}.calibration").glob("*.safetensors"))
    names = {value.name for value in model.graph.input}
    dataset = nncf.Dataset(files, lambda file: {name: array for name, array in read_safetensors(file).items() if name in names})
    # Mixed: activations that take both signs get their own zero point. All else is NNCF's own choice; its bias correction is on.
    quantised = nncf.quantize(model, dataset, preset=nncf.QuantizationPreset.MIXED, subset_size=len(files))
    del quantised.metadata_props[:]
    for entry in model.metadata_props:
        quantised.metadata_props.add(key=entry.key, value="int8" if entry.key == "precision" else entry.value)
    quantised.doc_string, quantised.producer_name = model.doc_string, model.producer_name
    onnx.checker.check_model(quantised, full_check=True)
    onnx.save(quantised, out)


main()
