"""Skylift's model files, which are safetensors with a description of the model in their metadata. Needs torch and numpy."""
import json
import pathlib
import struct

import torch

DTYPES = {"F32": torch.float32, "I64": torch.int64}


def read(path):
    """(the card as a dictionary, {name: tensor})"""
    data = bytearray(pathlib.Path(path).read_bytes())
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    card = json.loads(header.pop("__metadata__")["skylift.model"])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data[8 + length + begin:8 + length + end], dtype=DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return card, tensors


def write(path, card, tensors):
    """What `read` gave, with other values."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header, parts, end = {"__metadata__": {"skylift.model": json.dumps(card), "format": "pt"}}, [], 0
    for name, tensor in tensors.items():
        parts.append(tensor.contiguous().numpy().tobytes())
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [end, end + len(parts[-1])]}
        end += len(parts[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
