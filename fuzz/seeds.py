"""Small valid inputs for every fuzz target: python3 seeds.py FOLDER. A fuzzer finds its way much faster from these."""
import json
import pathlib
import pickle
import struct
import sys
import zipfile
import zlib

root = pathlib.Path(sys.argv[1])


def seed(target, name, data):
    folder = root / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


# Models.

OPTIONS = {"backbone.name": "resnet18", "backbone.width": 0.125, "backbone.frozen_stages": -1, "neck.channels": 16,
           "neck.first_level": 3, "neck.last_level": 5, "head.channels": 16, "head.depth": 1, "head.reg_max": 7}
CARD = json.dumps({"version": 1, "options": OPTIONS, "classes": ["car", "bus"], "recipe": "", "scores": {"AP": 0.25},
                   "preprocess": {"long_side": 640, "short_side": 640, "pad_multiple": 32, "mean": [1.5, 2, 3],
                                  "deviation": [58.4, 57, 57]}})


def safetensors(metadata):
    header = json.dumps({"__metadata__": metadata, "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
                         "b": {"dtype": "F16", "shape": [], "data_offsets": [24, 26]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(26)


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def torch_pickle():
    """{"w": tensor} as torch.save writes it, without torch."""
    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value
    storage = b"(" + text(b"storage") + b"ctorch\nFloatStorage\n" + text(b"0") + text(b"cpu") + b"K\x06tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtR"
    return b"\x80\x02}q\x00(" + text(b"state_dict") + b"}(" + text(b"w") + tensor + b"u" + text(b"meta") + b"}(" + \
        text(b"CLASSES") + b"(" + text(b"car") + text(b"bus") + b"tuu."


def torch_zip():
    path = root / "zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", torch_pickle())
        archive.writestr("m/byteorder", "little")
        archive.writestr("m/data/0", bytes(24))
    data = path.read_bytes()
    path.unlink()
    return data


root.mkdir(parents=True, exist_ok=True)
seed("pytorch", "zip", torch_zip())
seed("pytorch", "legacy", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + b"\x80\x02M\xe9\x03." +
     b"\x80\x02}(X\x0d\x00\x00\x00little_endian\x88u." + torch_pickle() + b"\x80\x02](X\x01\x00\x00\x000e." +
     struct.pack("<q", 6) + bytes(24))
for protocol in range(5):
    values = {"state_dict": {"a": [1, 2.5, None, True], "b": (b"bytes", "text", 1 << 70, -5)}, "meta": {"config": "x"}}
    seed("pytorch", f"protocol{protocol}", pickle.dumps(values, protocol))
seed("safetensors", "model", safetensors({"skylift.model": CARD, "format": "pt"}))
seed("safetensors", "plain", safetensors({}))
seed("card", "card", CARD)
seed("onnx", "metadata", varint(8) + varint(9) + field(7, field(1, b"graph")) + field(14, field(1, b"skylift.model") + field(2, CARD.encode())))

# Annotations.

COCO = {"images": [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 10, "ignored_regions": [[0, 0, 1, 1]],
                    "other_objects": [{"bbox": [1, 2, 3, 4], "iscrowd": 1}]}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3.5, 4e0], "area": 14, "iscrowd": 0,
                         "segmentation": [[1, 2, 3, 4]], "ignore": 1, "truncation": 1}],
        "categories": [{"id": 3, "name": "caf\u00e9"}], "info": {"a": [{"b": "]\\\""}]}}
seed("coco", "set", json.dumps(COCO))
seed("coco", "indented", json.dumps(COCO, indent=1, ensure_ascii=False))
seed("detections", "coco", json.dumps([{"image_id": 1, "category_id": 4, "bbox": [1, 2, 3, 4], "score": 0.5}] * 3))
seed("detections", "visdrone", "L1,2,3,4,0.5,1,-1,-1\n5.5,6,7,8,1e-3,4,0,0,\n")
VOC = ("<annotation>\n<size><width>500</width><height>375</height></size>\n<object><name>dog</name><truncated>1</truncated>"
       "<difficult>0</difficult><bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371.5</ymax></bndbox></object></annotation>")
seed("voc", "utf8", VOC)
seed("voc", "latin1", "<?xml version='1.0' encoding='iso-8859-1'?>".encode() + VOC.replace("dog", "d\u00f6g").encode("latin-1"))
seed("voc", "utf16", VOC.encode("utf-16"))
seed("lines", "visdrone", "v684,8,273,116,0,0,0,0\r\n406,119,265,70,1,4,0,1,\n")
seed("lines", "uavdt", "u1,1,488,18,32,28,1,-1,-1\n")
seed("lines", "yolo", "y0 0.5 0.5 0.25 0.125\n3 1e-1 .5 1 1\n")
seed("yaml", "list", "path: .\ntrain: images\nval: images\nnames: [car, 'bus']\n")
seed("yaml", "map", "val: [images, b.txt]\nnames:\n  0: &a car\n  1: *a\n")
seed("config", "toml", "[model.backbone]\nname = 'resnet50'\nwidth = 0.5\n[model.head]\nreg_max = 16\nlifting = {enabled = true, kernel = 1}\n")
seed("config", "set", "=model.head.depth=3")

# Images.


def png(width, height, depth, colour, row):
    def chunk(kind, data):
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
    head = struct.pack("!IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress((b"\0" + row) * height)) + chunk(b"IEND", b"")


def jpeg(components=1, frame=b"\xff\xc0"):
    """8x8 px: every coefficient 0, so a block is the two bits 00."""
    table = bytes([1] + [0] * 15) + b"\0"
    ids = range(1, components + 1)
    return (b"\xff\xd8\xff\xdb\0\x43\0" + b"\1" * 64 + frame + struct.pack("!HBHHB", 8 + 3 * components, 8, 8, 8, components) +
            b"".join(bytes([i, 0x11, 0]) for i in ids) + b"\xff\xc4\0\x14\0" + table + b"\xff\xc4\0\x14\x10" + table +
            b"\xff\xda" + struct.pack("!HB", 6 + 2 * components, components) + b"".join(bytes([i, 0]) for i in ids) +
            b"\0\x3f\0" + (b"\x3f" if components == 1 else b"\x03" if components == 3 else b"\0") + b"\xff\xd9")


def tiff():
    def entry(tag, kind, value):
        return struct.pack("<HHII", tag, kind, 1, value)
    entries = [entry(256, 3, 4), entry(257, 3, 2), entry(258, 3, 8), entry(259, 3, 1), entry(262, 3, 1), entry(273, 4, 8),
               entry(277, 3, 1), entry(278, 3, 2), entry(279, 4, 8)]
    return b"II*\0" + struct.pack("<I", 16) + bytes(range(8)) + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


IMAGES = {"grey.png": png(3, 2, 8, 0, b"abc"), "rgb16.png": png(2, 2, 16, 2, bytes(12)), "rgba.png": png(1, 2, 8, 6, bytes(4)),
          "grey.jpg": jpeg(), "colour.jpg": jpeg(3), "cmyk.jpg": jpeg(4), "grey.tiff": tiff(),
          "a.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 62, 0, 0, 54, 40, 1, 2, 1, 24, 0, 8, 0, 0, 0, 0) + bytes(8),
          "a.webp": bytes.fromhex("524946461a000000574542505650384c0d0000002f00000010071011118888fe0700")}
for name, data in IMAGES.items():
    seed("image", name, data)


# Requests.

def request(line, body=b"", *headers):
    head = [line, "Host: 127.0.0.1:8080", *headers] + ([f"Content-Length: {len(body)}"] if body else [])
    return b"\x40" + "\r\n".join(head).encode() + b"\r\n\r\n" + body


seed("http", "page", request("GET / HTTP/1.1", b"", "Accept: */*"))
seed("http", "model", request("GET /model HTTP/1.0"))
seed("http", "detect", request("POST /detect?score=0.3&tile=64&overlap=0.25&merge=nmm&merge_metric=iou HTTP/1.1", IMAGES["grey.png"]))
seed("http", "jpeg", request("POST /detect?full_image=1 HTTP/1.1", IMAGES["colour.jpg"], "Expect: 100-continue", "Origin: http://127.0.0.1:8080"))
seed("http", "foreign", request("POST /detect HTTP/1.1", b"x", "Origin: http://evil.example", "Content-Type: multipart/form-data; boundary=x"))
seed("http", "bytes", b"\x01\xff / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
