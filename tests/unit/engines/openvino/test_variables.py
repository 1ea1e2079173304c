"""What is asked of the index of a SavedModel's variables before OpenVINO reads it."""

from pathlib import Path

import pytest

from dragoman.core.crc32c import masked_crc32c
from dragoman.engines.openvino.variables import FOOTER_BYTES, MAGIC, check_variables


def block(held: bytes) -> bytes:
    return held + b"\0" + masked_crc32c(held + b"\0").to_bytes(4, "little")


def handle(start: int, size: int) -> bytes:
    """Both below 128, so that each is one byte."""
    return bytes([start, size])


def table(key: int = 1) -> bytes:
    """Two blocks of data, which are not looked into; one of metadata; one of the places of the two."""
    first, second, ends = b"first", b"second", (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    entries = [bytes([0, key, 2]) + b"a" + handle(0, 5), b"\0\x01\x02b" + handle(10, 6)]
    places = b"".join(entries) + ends
    meta = ends
    content = block(first) + block(second)
    at_meta, at_places = len(content), len(content) + len(block(meta))
    content += block(meta) + block(places)
    footer = handle(at_meta, len(meta)) + handle(at_places, len(places))
    return content + footer.ljust(FOOTER_BYTES - len(MAGIC), b"\0") + MAGIC


def check(folder: Path, content: bytes) -> None:
    (folder / "variables").mkdir(exist_ok=True)
    (folder / "variables" / "variables.index").write_bytes(content)
    check_variables(str(folder))


def test_a_whole_index_is_let_through_and_so_is_none(tmp_path: Path) -> None:
    check_variables(str(tmp_path))
    check(tmp_path, table())


def test_each_cut_and_each_change_is_found_but_for_the_padding(tmp_path: Path) -> None:
    whole = table()
    padding = range(len(whole) - FOOTER_BYTES + 4, len(whole) - len(MAGIC))
    for at in range(len(whole)):
        with pytest.raises(ValueError, match=r"does not end as|another checksum|has no end"):
            check(tmp_path, whole[:at])
        if at not in padding:
            with pytest.raises(ValueError, match=r"does not end as|another checksum|has no end"):
                check(tmp_path, whole[:at] + bytes([whole[at] ^ 0x81]) + whole[at + 1 :])


def test_a_footer_that_names_places_far_away_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another checksum"):
        check(tmp_path, b"\xff" * 40 + MAGIC)


def test_an_entry_that_is_longer_than_its_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a number has no end"):
        check(tmp_path, table(key=127))
