"""Write what OpenCV makes of encoded images, which tests hold against ours.

    python tests/unit/execution/images/write_opencv.py

It needs opencv-python-headless and Pillow, in an environment of its own. Version 4.14.0 wrote opencv.json.
"""

import base64
import io
import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

FILE = Path(__file__).parent / "opencv.json"
HEIGHT, WIDTH = 7, 9
SIZES = [(3, 4), (11, 13), (1, 1)]
TYPES = ["uint8", "int8", "uint16", "int16", "int32", "float32", "float64"]
RESIZABLE = frozenset(TYPES) - {"int8", "int32"}  # OpenCV resizes no others


def text(data):
    return base64.b64encode(data).decode()


def array(values):
    return {"dtype": values.dtype.name, "shape": values.shape, "data": text(values.tobytes())}


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(color, depth, values, *, interlaced=False):
    """A PNG without filters; `values` are `(height, width, channels)`, high bytes first."""
    height, width = values.shape[:2]
    steps = (
        [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        if interlaced
        else [(0, 0, 1, 1)]
    )
    lines = b"".join(
        b"\0" + line.tobytes()
        for top, left, down, across in steps
        if left < width
        for line in values[top::down, left::across]
    )
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def files():
    """Encoded images by what they are."""
    random = np.random.default_rng(20260801)
    values = cv2.GaussianBlur(random.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8), (3, 3), 0)
    deep = random.integers(0, 65536, (HEIGHT, WIDTH, 4), dtype=np.uint16)
    color, alpha = Image.fromarray(values[..., :3]), Image.fromarray(values)
    gray, mask = Image.fromarray(values[..., 0]), Image.fromarray(values[..., 3])
    few = color.quantize(16)
    turned = Image.Exif()
    turned[0x112] = 6
    pixel = tuple(int(value) for value in values[2, 3, :3])
    return {
        "jpeg": encoded(color, "JPEG"),
        "jpeg 4:4:4": encoded(color, "JPEG", subsampling=0),
        "jpeg progressive": encoded(color, "JPEG", progressive=True),
        "jpeg grey": encoded(gray, "JPEG"),
        "jpeg cmyk": encoded(color.convert("CMYK"), "JPEG"),
        "jpeg turned by exif": encoded(color, "JPEG", exif=turned.tobytes()),
        "png": encoded(color, "PNG"),
        "png alpha": encoded(alpha, "PNG"),
        "png grey": encoded(gray, "PNG"),
        "png grey alpha": encoded(Image.merge("LA", (gray, mask)), "PNG"),
        "png palette": encoded(few, "PNG"),
        "png palette transparent": encoded(few, "PNG", transparency=3),
        "png 1 bit": encoded(gray.convert("1"), "PNG"),
        "png grey transparent": encoded(gray, "PNG", transparency=100),
        "png transparent": encoded(color, "PNG", transparency=pixel),
        "png 16 bits grey": cv2.imencode(".png", deep[..., 0])[1].tobytes(),
        "png 16 bits": cv2.imencode(".png", np.ascontiguousarray(deep[..., :3]))[1].tobytes(),
        "png 16 bits alpha": cv2.imencode(".png", deep)[1].tobytes(),
        "png 16 bits grey alpha": png(4, 16, deep[..., :2].astype(">u2")),
        "png 16 bits interlaced": png(2, 16, deep[..., :3].astype(">u2"), interlaced=True),
        "bmp": encoded(color, "BMP"),
        "bmp grey": encoded(gray, "BMP"),
        "bmp palette": encoded(few, "BMP"),
        "bmp 32 bits": encoded(alpha, "BMP"),
        "webp": encoded(color, "WEBP", lossless=True),
        "webp lossy": encoded(color, "WEBP"),
        "webp alpha": encoded(alpha, "WEBP", lossless=True),
        "tiff": encoded(color, "TIFF"),
        "tiff lzw": encoded(color, "TIFF", compression="tiff_lzw"),
        "tiff grey": encoded(gray, "TIFF"),
        "tiff 16 bits grey": cv2.imencode(".tif", deep[..., 0])[1].tobytes(),
        "tiff float": cv2.imencode(".tif", (deep[..., 0] / 65536).astype(np.float32))[1].tobytes(),
        "gif": encoded(few, "GIF"),
        "ppm": encoded(color, "PPM"),
        "pgm": encoded(gray, "PPM"),
        "pgm 16 bits": cv2.imencode(".pgm", deep[..., 0])[1].tobytes(),
        "pbm": encoded(gray.convert("1"), "PPM"),
    }


def held(values, kind):
    """What `convertTo` makes of the values."""
    if kind.startswith("float"):
        return values.astype(kind)
    limits = np.iinfo(kind)
    return np.clip(values.astype(np.int64), limits.min, limits.max).astype(kind)


def resized(source):
    """The image in every type and size."""
    for kind in TYPES:
        values = held(source, kind)
        yield {"dtype": kind, "size": source.shape[:2], "pixels": array(values)}
        for height, width in SIZES if kind in RESIZABLE else []:
            pixels = cv2.resize(values, (width, height))
            yield {"dtype": kind, "size": (height, width), "pixels": array(pixels)}


def main():
    cv2.setUseOptimized(False)  # Intel's IPP, in OpenCV's Python packages, rounds floats otherwise
    made = files()
    pixels = {
        name: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) for name, data in made.items()
    }
    document = {
        "decoded": [
            {"name": name, "file": text(data), "pixels": array(pixels[name])} for name, data in made.items()
        ],
        "resized": [
            {"name": name, "cases": list(resized(pixels[name]))}
            for name in ("png", "png grey", "png 16 bits")
        ],
    }
    FILE.write_text(json.dumps(document, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
