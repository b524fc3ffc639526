"""Chunks (section 8): one extent in, the decoded bytes out."""

import math

import numpy as np
import zstandard

from .fault import Fault, require

ZSTD_MAGIC = 0xFD2FB528

# The window descriptor of 8 MiB (RFC 8878, section 3.1.1.1.2): 2^(10 + 13).
LARGEST_WINDOW = 13 << 3

# Of these the upper 16 bits of each element are rotated (8.8).
ROTATED = {"f32", "f16", "bf16"}


def decode(codec: int, encoded: bytes, dtype: str, element_size: int, length: int) -> bytes:
    """The chunk of `length` bytes that `encoded` stands for."""
    if codec == 0:
        require(len(encoded) == length, "malformedChunk", f"a raw chunk has {len(encoded)} bytes, not {length}")
        return encoded
    if codec == 1:
        require(
            len(encoded) == element_size,
            "malformedChunk",
            f"a constant chunk has {len(encoded)} bytes, its element {element_size}",
        )
        return encoded * (length // element_size)
    if codec == 2:
        return _planes(encoded, dtype, element_size, length // element_size)
    if codec == 3:
        return zstd_frame(encoded, length)
    raise Fault("unknownCodec", f"codec {codec} is not known")


def _planes(encoded: bytes, dtype: str, k: int, n: int) -> bytes:
    position = 1
    modes_byte = encoded[0]
    require(modes_byte >> (2 * k) == 0, "malformedChunk", "bits of planes that do not exist are set")
    modes = [modes_byte >> (2 * p) & 3 for p in range(k)]
    require(3 not in modes, "malformedChunk", "a plane has mode 3")

    def take(count: int) -> bytes:
        nonlocal position
        require(
            count <= len(encoded) - position,
            "malformedChunk",
            f"a plane needs {count} bytes, {len(encoded) - position} are left",
        )
        position += count
        return encoded[position - count : position]

    lengths = []
    for mode in modes:
        if mode == 2:
            lengths.append(int.from_bytes(take(3), "little"))
            require(lengths[-1] < n, "malformedChunk", f"a frame of {lengths[-1]} bytes is not shorter than its plane")

    matrix = np.empty((n, k), dtype=np.uint8)
    for p, mode in enumerate(modes):
        # Byte 0 is the most significant; in memory, little-endian, that is the last.
        column = k - 1 - p
        if mode == 0:
            matrix[:, column] = take(1)[0]
        else:
            content = take(n) if mode == 1 else zstd_frame(take(lengths.pop(0)), n)
            matrix[:, column] = np.frombuffer(content, dtype=np.uint8)
    require(position == len(encoded), "malformedChunk", f"{len(encoded) - position} bytes follow the planes")

    if dtype in ROTATED:
        upper = matrix[:, k - 2].astype(np.uint16) | matrix[:, k - 1].astype(np.uint16) << 8
        upper = upper >> 1 | (upper & 1) << 15
        matrix[:, k - 2] = upper & 0xFF
        matrix[:, k - 1] = upper >> 8
    return matrix.tobytes()


def zstd_frame(frame: bytes, length: int) -> bytes:
    """The content of exactly one frame of RFC 8878 that states its content size (8.9)."""
    stated, end = _frame_extent(frame)
    require(stated == length, "malformedChunk", f"a zstd frame states {stated} bytes, {length} are needed")
    require(end == len(frame), "malformedChunk", f"{len(frame) - end} bytes follow a zstd frame")
    try:
        content = zstandard.ZstdDecompressor(max_window_size=8 << 20).decompress(frame, max_output_size=length)
    except zstandard.ZstdError as error:
        raise Fault("malformedChunk", f"a zstd frame does not decode: {error}") from error
    require(len(content) == length, "malformedChunk", f"a zstd frame holds {len(content)} bytes, not {length}")
    return content


def _frame_extent(frame: bytes) -> tuple[int, int]:
    """The stated content size and the length of the frame that `frame` starts with, by RFC 8878, section 3.1.1."""

    def number(offset: int, width: int) -> int:
        require(offset + width <= len(frame), "malformedChunk", "a zstd frame ends early")
        return int.from_bytes(frame[offset : offset + width], "little")

    require(number(0, 4) == ZSTD_MAGIC, "malformedChunk", "a zstd frame does not start with its magic number")
    descriptor = number(4, 1)
    single_segment = descriptor >> 5 & 1
    require(descriptor & 0x08 == 0, "malformedChunk", "the reserved bit of a zstd frame is set")
    position = 5
    if not single_segment:
        # Three bits of mantissa below five of exponent: a larger descriptor is a larger window.
        require(number(5, 1) <= LARGEST_WINDOW, "malformedChunk", "a zstd frame needs more than 8 MiB of window")
        position += 1
    dictionary_width = (0, 1, 2, 4)[descriptor & 3]
    require(number(position, dictionary_width) == 0, "malformedChunk", "a zstd frame needs a dictionary")
    position += dictionary_width
    size_width = (single_segment, 2, 4, 8)[descriptor >> 6]
    require(size_width > 0, "malformedChunk", "a zstd frame does not state its content size")
    stated = number(position, size_width) + (256 if size_width == 2 else 0)
    position += size_width
    last = False
    while not last:
        block = number(position, 3)
        position += 3
        last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
        require(kind != 3, "malformedChunk", "a zstd block has the reserved type")
        position += 1 if kind == 1 else size
        require(position <= len(frame), "malformedChunk", "a zstd frame ends early")
    return stated, position + (4 if descriptor & 0x04 else 0)


def as_floats(raw: np.ndarray, dtype: str) -> np.ndarray:
    """The values of raw elements as float64; exact for every dtype."""
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        if dtype == "bf16":
            return (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        if dtype == "f8_e5m2":
            return (raw.astype(np.uint16) << 8).view(np.float16).astype(np.float64)
        if dtype == "f8_e4m3":
            return _E4M3[raw]
        return raw.astype(np.float64)


def block_values(raw: np.ndarray) -> np.ndarray:
    """The elements of whole q8 blocks (7.6) as float32: scale times code, exact."""
    blocks = raw.reshape(-1, 34)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    with np.errstate(invalid="ignore"):  # an infinite scale times a code of 0
        return (scales * blocks[:, 2:].copy().view(np.int8).astype(np.float32)).reshape(-1)


def _e4m3(byte: int) -> float:
    sign = -1.0 if byte & 0x80 else 1.0
    exponent, fraction = byte >> 3 & 15, byte & 7
    if exponent == 15 and fraction == 7:
        return math.nan
    if exponent == 0:
        return sign * fraction * 2.0**-9
    return sign * (8 + fraction) * 2.0 ** (exponent - 10)


_E4M3 = np.array([_e4m3(byte) for byte in range(256)], dtype=np.float64)
