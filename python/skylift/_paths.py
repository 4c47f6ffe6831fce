"""Paths that users give, with Python's usual exceptions."""
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
