"""Encoded images are read as OpenCV reads them, with either library, and refused where they are damaged."""

import base64
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from dragoman.execution.images import jpeg
from dragoman.execution.images.files import EncodedImage, Refusal
from tests.unit.execution.images.samples import OPENCV, encoded, head_of_png, ramp, read

FILES = {case["name"]: base64.b64decode(case["file"]) for case in OPENCV["decoded"]}
PIXELS = {case["name"]: case["pixels"] for case in OPENCV["decoded"]}


@pytest.fixture(params=["simplejpeg", "Pillow"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """With simplejpeg, and as if it were not installed."""
    if request.param == "Pillow":
        monkeypatch.setattr(jpeg, "simplejpeg", None)
    return request.param


@pytest.mark.parametrize("name", FILES)
def test_pixels_are_exactly_opencvs(name: str, library: str) -> None:
    expected = read(PIXELS[name])
    image = EncodedImage(FILES[name])
    assert (image.height, image.width) == expected.shape[:2]
    values = image.read().values
    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected)


def test_simplejpeg_is_what_reads_jpegs_where_it_is_installed() -> None:
    assert jpeg.open_fast(FILES["jpeg"]) is not None
    assert jpeg.open_fast(FILES["jpeg grey"]) is not None
    assert jpeg.open_fast(FILES["jpeg cmyk"]) is None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6])
def test_a_file_that_is_cut_off_is_refused(name: str, share: float, library: str) -> None:
    cut = FILES[name][: int(len(FILES[name]) * share)]
    with pytest.raises(Refusal):
        EncodedImage(cut).read()


@pytest.mark.parametrize(
    "data", [b"", b"x", b"INVALID IMAGE", b"%PDF-1.7", b"RIFF\0\0\0\0WAVEfmt 0123456789012"]
)
def test_what_is_no_image_is_refused_with_what_would_be_one(data: bytes) -> None:
    with pytest.raises(Refusal, match="this is no JPEG, PNG, BMP, GIF, TIFF, WebP or PNM"):
        EncodedImage(data)


@pytest.mark.parametrize("name", FILES)
def test_noise_in_a_file_is_refused_or_read_and_never_breaks_anything(name: str, library: str) -> None:
    random = np.random.default_rng(5)
    for _ in range(40):
        damaged = bytearray(FILES[name])
        for at in random.integers(0, len(damaged), 3):
            damaged[at] = random.integers(0, 256)
        try:
            EncodedImage(bytes(damaged)).read()
        except Refusal:
            continue


def test_the_size_is_known_of_images_too_large_to_be_decoded() -> None:
    image = EncodedImage(head_of_png(30_000, 30_000))
    assert (image.width, image.height) == (30_000, 30_000)


def test_more_than_8_bits_in_several_channels_are_read_from_png_only() -> None:
    with pytest.raises(Refusal, match="from PNG only"):
        EncodedImage(b"P6\n2 2\n65535\n" + bytes(24)).read()


def test_a_jpeg_with_a_harmless_flaw_is_read_by_either_library(library: str) -> None:
    flawed = FILES["jpeg"][:-2] + b"\0\0\0" + FILES["jpeg"][-2:]
    np.testing.assert_array_equal(EncodedImage(flawed).read().values, read(PIXELS["jpeg"]))


def test_pillow_is_not_imported_with_the_server() -> None:
    lines = "import sys, dragoman.assembly.app; print([m for m in sys.modules if m.startswith('PIL')])"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_png_of_one_pixel_is_read() -> None:
    assert EncodedImage(encoded(ramp(1, 1))).read().values.tolist() == [[[2, 1, 0]]]
