"""Checkpoints of PyTorch beside what torch.load finds in them. Run by tests/models/foreign_file_test.cpp:

    checkpoints.py make OUT      OUT/NAME.pth in many shapes, and OUT/NAME.safetensors, each with the state dict's tensors
    checkpoints.py load FILE OUT    what torch.load finds in FILE, to OUT as safetensors

The safetensors files are written here by hand: name, type, shape and row-major bytes are all there is to them.
"""
import collections
import json
import pathlib
import struct
import sys

try:
    import torch
except ImportError as error:
    print(f"no PyTorch: {error}")
    sys.exit(77)

TYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
         torch.complex64: "C64", torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64",
         torch.float8_e5m2: "F8_E5M2", torch.float8_e4m3fn: "F8_E4M3"}


def row_major(tensor):
    tensor = tensor.detach().contiguous().clone()
    return bytes(tensor.untyped_storage().tolist()) if tensor.numel() else b""


def write_safetensors(path, tensors):
    header, content = {}, b""
    for name, tensor in tensors.items():
        data = row_major(tensor)
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(content), len(content) + len(data)]}
        content += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)


def flat(state, prefix=""):
    tensors = {}
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            tensors[prefix + name] = value
        elif isinstance(value, dict):
            tensors.update(flat(value, prefix + name + "."))
    return tensors


def samples():
    torch.manual_seed(1)
    base = torch.randn(6, 8)
    types = collections.OrderedDict()
    for dtype in TYPES:
        types[str(dtype).split(".")[1]] = (torch.randn(3, 5) * 40).abs().to(torch.float32).to(dtype)
    views = {"base": base, "transposed": base.t(), "rows": base[1:4], "columns": base[:, 2:7:2], "one": base[2, 3],
             "expanded": base[:1].expand(5, 8), "permuted": torch.randn(2, 3, 4).permute(2, 0, 1), "empty": base[:0],
             "scalar": torch.tensor(4.5), "channels_last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
             "parameter": torch.nn.Parameter(base[3]), "buffer": torch.nn.Buffer(torch.arange(4))}
    named = torch.nn.Parameter(torch.randn(3))
    named.note = "an attribute"
    nested = {"backbone": {"conv": {"weight": base}, "bn": types}, "epoch": 7, "names": ["a", None, 1.5, True, b"x", 2**70]}
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    training = {"state_dict": torch.nn.DataParallel(network).state_dict(), "optimizer": optimizer.state_dict(),
                "epoch": 3, "arguments": {"size": torch.Size([1, 2]), "device": torch.device("cpu"), "type": torch.float16}}
    return {"types": types, "views": views, "attribute": {"w": named}, "nested": {"state_dict": nested}, "training": training}


def make(out):
    out.mkdir(parents=True, exist_ok=True)
    for name, content in samples().items():
        state = content.get("state_dict", content)
        expected = {key.removeprefix("module."): value for key, value in flat(state).items()}
        variants = {"zip": {}, "legacy": {"_use_new_zipfile_serialization": False}, "protocol4": {"pickle_protocol": 4},
                    "protocol5": {"pickle_protocol": 5}}
        for variant, options in variants.items():
            if variant == "legacy" and name == "types":
                content = {key: value for key, value in content.items() if value.dtype not in LATER}
                expected = {key: value for key, value in expected.items() if value.dtype not in LATER}
            if variant == "legacy" and name == "nested":
                continue
            torch.save(content, out / f"{name}-{variant}.pth", **options)
            write_safetensors(out / f"{name}-{variant}.safetensors", expected)


LATER = (torch.uint16, torch.uint32, torch.uint64, torch.float8_e5m2, torch.float8_e4m3fn)  # younger than that format


def load(path, out):
    content = torch.load(path, map_location="cpu", weights_only=False)
    state = content.get("state_dict", content)
    write_safetensors(out, {key.removeprefix("module."): value for key, value in flat(state).items()})


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[2])) if sys.argv[1] == "make" else load(sys.argv[2], pathlib.Path(sys.argv[3]))
