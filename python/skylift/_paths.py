"""Paths and values that users give, with Python's usual exceptions."""
import os


def existing(path) -> str:
    """The path as text. TypeError: not a path (a file object, for example); FileNotFoundError: nothing is there."""
    text = os.fspath(path)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if not os.path.exists(text):
        raise FileNotFoundError(2, os.strerror(2), text)
    return text


def existing_spec(spec) -> str:
    """A SPEC of a data set (docs/data.md): a path, with prefixes like "format=coco," and a suffix like ":val"."""
    text = os.fsdecode(os.fspath(spec))
    path = text
    while path.split(",")[0].startswith(("format=", "orientation=", "depth=")) and "," in path:
        path = path.split(",", 1)[1]
    if not os.path.exists(path) and not os.path.exists(path.rsplit(":", 1)[0]):
        raise FileNotFoundError(2, os.strerror(2), path)
    return text


def plain(value):
    """For json's `default`: a path as text, NumPy's numbers and arrays as Python's. TypeError: something else."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"got {value!r}, a {type(value).__name__}; expected numbers, texts, paths and lists of them")
