"""The Huffman code of header strings (RFC 7541, appendix B)."""

from collections.abc import Mapping
from functools import cache
from typing import Final

EOS: Final = 256
# The symbols of each length. The code is canonical: lengths and order give the codes.
LENGTHS: Final[Mapping[int, tuple[int, ...]]] = {
    5: tuple(b"012aceiost"),
    6: tuple(b" %-./3456789=A_bdfghlmnpru"),
    7: tuple(b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    8: tuple(b"&*,;XZ"),
    10: tuple(b'!"()?'),
    11: tuple(b"'+|"),
    12: tuple(b"#>"),
    13: (0, *b"$@[]~"),
    14: tuple(b"^}"),
    15: tuple(b"<`{"),
    19: (92, 195, 208),
    20: (128, 130, 131, 162, 184, 194, 224, 226),
    21: (153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230),
    22: (
        129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189,
        190, 196, 198, 228, 232, 233,
    ),
    23: (
        1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174,
        175, 180, 182, 183, 188, 191, 197, 231, 239,
    ),
    24: (9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237),
    25: (199, 207, 234, 235),
    26: (192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255),
    27: (203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254),
    28: (
        2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127,
        220, 249,
    ),
    30: (10, 13, 22, EOS),
}  # fmt: skip

# By state and half a byte: the next state, -1 = no code; and the symbol that ended, -1 = none.
Steps = tuple[list[int], list[int]]


def codes() -> dict[tuple[int, int], int]:
    """Each symbol by the length and the bits of its code."""
    found: dict[tuple[int, int], int] = {}
    code = last = 0
    for length, symbols in LENGTHS.items():
        code <<= length - last
        last = length
        for symbol in symbols:
            found[length, code] = symbol
            code += 1
    return found


@cache
def steps() -> tuple[list[int], list[int], frozenset[int]]:
    """The code as an automaton over half bytes, and the states in which a string may end: at most 7 ones.

    A state is what has been read of a code. No half byte ends two symbols: the shortest has 5 bits.
    """
    symbols = codes()
    numbers = {(0, 0): 0}
    for length, code in symbols:
        for shorter in range(1, length):
            numbers.setdefault((shorter, code >> (length - shorter)), len(numbers))
    following, ended = [], []
    for begun in list(numbers):
        for half in range(16):
            state, symbol = walk(begun, half, symbols)
            following.append(numbers[state] if state is not None else -1)
            ended.append(symbol)
    final = frozenset(number for (bits, code), number in numbers.items() if bits < 8 and code == 2**bits - 1)
    return following, ended, final


def walk(
    state: tuple[int, int], half: int, symbols: Mapping[tuple[int, int], int]
) -> tuple[tuple[int, int] | None, int]:
    """Where four bits lead from a state, and the symbol that ends on the way."""
    bits, code = state
    symbol = -1
    for shift in (3, 2, 1, 0):
        bits, code = bits + 1, code << 1 | half >> shift & 1
        found = symbols.get((bits, code))
        if found == EOS:
            return None, -1
        if found is not None:
            symbol, bits, code = found, 0, 0
    return (bits, code), symbol


def decoded(data: bytes) -> bytes:
    """The string that was encoded.

    Errors: ValueError where it cannot end there, or holds the symbol that ends.
    """
    following, ended, final = steps()
    state = 0
    found = bytearray()
    for byte in data:
        for half in (byte >> 4, byte & 15):
            step = state << 4 | half
            state = following[step]
            if state < 0:
                raise ValueError("a header string holds the end of strings")
            if ended[step] >= 0:
                found.append(ended[step])
    if state not in final:
        raise ValueError("a header string ends inside a symbol")
    return bytes(found)
