"""Deterministic CBOR as clause 4.6 restricts it. Refuses everything else."""

import math
import struct

from .fault import Fault

DEEPEST = 16
MOST_ITEMS = 1 << 20


def decode_item(data: bytes, what: str):
    """The one item that `data` holds, nothing before it and nothing behind it."""
    reader = _Reader(data, what)
    value = reader.item(0)
    if reader.position != len(data):
        raise reader.fault(f"{len(data) - reader.position} bytes follow the item")
    return value


def decode(data: bytes, what: str) -> dict:
    """The one map that `data` holds."""
    value = decode_item(data, what)
    if not isinstance(value, dict):
        raise Fault("malformedMetadata", f"{what}: it is not a map")
    return value


class _Reader:
    def __init__(self, data: bytes, what: str):
        self.data = data
        self.what = what
        self.position = 0
        self.items = 0

    def fault(self, message: str, code: str = "malformedMetadata") -> Fault:
        return Fault(code, f"{self.what}, byte {self.position}: {message}")

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.position:
            raise self.fault(f"{count} bytes are needed, {len(self.data) - self.position} are left")
        start = self.position
        self.position += count
        return self.data[start : self.position]

    def argument(self, information: int) -> int:
        """The argument of an item's head, in the fewest bytes that hold it."""
        if information < 24:
            return information
        if information > 27:
            raise self.fault(f"additional information {information} is reserved or of indefinite length")
        width = 1 << (information - 24)
        value = int.from_bytes(self.take(width), "big")
        least = {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[width]
        if value < least:
            raise self.fault(f"{value} is written in {width} bytes, which is more than it needs")
        return value

    def item(self, depth: int):
        self.items += 1
        if self.items > MOST_ITEMS:
            raise self.fault(f"it holds more than {MOST_ITEMS} items", "limitExceeded")
        head = self.take(1)[0]
        major, information = head >> 5, head & 31
        if major == 0 or major == 1:
            value = self.argument(information)
            if value >= 1 << 63:
                raise self.fault("an integer is outside of -2^63 ... 2^63-1")
            return value if major == 0 else -1 - value
        if major == 3:
            return self.text(self.argument(information))
        if major == 4 or major == 5:
            if depth == DEEPEST:
                raise self.fault(f"maps and arrays nest more than {DEEPEST} deep", "limitExceeded")
            count = self.argument(information)
            # Every element takes at least one byte, every pair two: refuse a count that cannot be true.
            if count * (major - 3) > len(self.data) - self.position:
                raise self.fault(f"{count} elements do not fit into the bytes that are left")
            return self.array(count, depth) if major == 4 else self.map(count, depth)
        if major == 7:
            return self.simple(information)
        raise self.fault(f"major type {major} is not allowed")

    def text(self, count: int) -> str:
        raw = self.take(count)
        try:
            return raw.decode("utf-8", "strict")
        except UnicodeDecodeError as error:
            raise self.fault("a text is not valid UTF-8") from error

    def array(self, count: int, depth: int) -> list:
        return [self.item(depth + 1) for _ in range(count)]

    def map(self, count: int, depth: int) -> dict:
        result: dict = {}
        last = b""
        for _ in range(count):
            start = self.position
            if self.position < len(self.data) and self.data[start] >> 5 != 3:
                raise self.fault("a key is not a text")
            key = self.item(depth + 1)
            encoded = self.data[start : self.position]
            if encoded <= last:
                raise self.fault(f"the key {key!r} is out of order or occurs twice")
            last = encoded
            result[key] = self.item(depth + 1)
        return result

    def simple(self, information: int):
        if information in (20, 21, 22):
            return {20: False, 21: True, 22: None}[information]
        if information not in (25, 26, 27):
            raise self.fault(f"simple value or length {information} is not allowed")
        form = {25: ">e", 26: ">f", 27: ">d"}[information]
        raw = self.take(struct.calcsize(form))
        value = struct.unpack(form, raw)[0]
        if math.isnan(value):
            if raw != b"\x7e\x00":
                raise self.fault("a NaN is not F9 7E 00")
            return value
        if information > 25 and _fits(value, {26: ">e", 27: ">f"}[information]):
            raise self.fault(f"{value!r} is written in more bytes than it needs")
        return value


def _fits(value: float, form: str) -> bool:
    """Whether the shorter form holds the value exactly (both infinities do; the sign of zero is kept)."""
    try:
        return struct.unpack(form, struct.pack(form, value))[0] == value
    except OverflowError:
        return False
