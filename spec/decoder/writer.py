"""A writer of adapter files for test vectors. It shares no code with the decoder, and it can be made to lie.

`write` goes through the stages of building a file. After each of them the function of that name in `edits`, if there is
one, may change what the stage has made; all that follows, digests too, is computed from the changed state. So a fault
is the only fault of its file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from collections.abc import Callable

import zstandard

MAGIC = b"\x89ADPT\r\n\x1a"
MIB = 1 << 20

NONE, LINEAR, TRANSPOSED, CONVOLUTION, EMBEDDING, EXPERTS = range(6)
KINDS = {
    NONE: "none",
    LINEAR: "linear",
    TRANSPOSED: "transposedLinear",
    CONVOLUTION: "convolution",
    EMBEDDING: "embedding",
    EXPERTS: "experts",
}
A, B, MAGNITUDE, UPDATE_BIAS, BASE_BIAS, PARAMETER, ROWS, OPAQUE = range(1, 9)
ROLES = ["", "A", "B", "magnitude", "updateBias", "baseBias", "parameter", "rows", "opaque"]
# Name -> number, bytes of an element.
DTYPES = {
    "f32": (1, 4),
    "f16": (2, 2),
    "bf16": (3, 2),
    "f8_e4m3": (4, 1),
    "f8_e5m2": (5, 1),
    "i8": (6, 1),
    "u8": (7, 1),
    "i32": (8, 4),
    "q8": (9, 1),  # of blocks, whose bytes are what codecs see
}


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def text(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "little") + raw


def merkle(leaves: list[bytes]) -> bytes:
    """RFC 6962's tree: level by level, an odd last node moves up as it is."""
    level = list(leaves)
    if not level:
        return sha256(b"")
    while len(level) > 1:
        pairs = [sha256(b"\x01" + level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + (level[-1:] if len(level) % 2 else [])
    return level[0]


# CBOR


class Raw(bytes):
    """Bytes that `cbor` puts out as they are."""


def cbor(value) -> bytes:
    """Deterministic CBOR of texts, integers, floats, booleans, None, lists and dicts."""
    if isinstance(value, Raw):
        return bytes(value)
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        if value != value:
            return b"\xf9\x7e\x00"
        for initial, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
            try:
                packed = struct.pack(form, value)
            except OverflowError:
                continue
            if struct.unpack(form, packed)[0] == value:
                return initial + packed
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode("utf-8")
        return head(3, len(raw)) + raw
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(cbor(entry) for entry in value)
    pairs = sorted((cbor(key), cbor(entry)) for key, entry in value.items())
    return head(5, len(pairs)) + b"".join(key + entry for key, entry in pairs)


def head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for information, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return bytes([major << 5 | information]) + argument.to_bytes(width, "big")
    raise ValueError(argument)


# zstd


def zstd(content: bytes, level: int = 3, checksum: bool = False) -> bytes:
    return zstandard.ZstdCompressor(level=level, write_content_size=True, write_checksum=checksum).compress(content)


def raw_block(content: bytes, last: bool = True) -> bytes:
    return (len(content) << 3 | 0 << 1 | last).to_bytes(3, "little") + content


def rle_block(byte: int, count: int, last: bool = True) -> bytes:
    return (count << 3 | 1 << 1 | last).to_bytes(3, "little") + bytes([byte])


def compressed_block(content: bytes, last: bool = True) -> bytes:
    return (len(content) << 3 | 2 << 1 | last).to_bytes(3, "little") + content


def literals(kind: int, count: int, content: bytes, streams: int = 1) -> bytes:
    """A literals section that is followed by no sequences; kinds 0 raw, 1 one byte, 2 with tree, 3 without."""
    if kind < 2:
        section = (kind | 3 << 2 | count << 4).to_bytes(3, "little") + content
    elif streams == 1:
        section = (kind | count << 4 | len(content) << 14).to_bytes(3, "little") + content
    else:
        section = (kind | 3 << 2 | count << 4 | len(content) << 22).to_bytes(5, "little") + content
    return section + b"\0"


def hand_frame(
    blocks: bytes,
    size: int | None,
    size_width: int = 8,
    window: int | None = None,
    dictionary: bytes = b"",
    reserved: int = 0,
    unused: int = 0,
) -> bytes:
    """A frame from its fields; a single segment unless a window descriptor is given."""
    single = window is None
    if size is None:
        size_flag, stated = 0, b""
    else:
        size_flag = {1: 0, 2: 1, 4: 2, 8: 3}[size_width]
        stated = (size - (256 if size_width == 2 else 0)).to_bytes(size_width, "little")
    dictionary_flag = {0: 0, 1: 1, 2: 2, 4: 3}[len(dictionary)]
    descriptor = size_flag << 6 | single << 5 | unused << 4 | reserved << 3 | dictionary_flag
    return (
        bytes.fromhex("28B52FFD")
        + bytes([descriptor])
        + (b"" if single else bytes([window]))
        + dictionary
        + stated
        + blocks
    )


# Codecs: functions of a chunk's bytes and its dtype

Codec = Callable[[bytes, str], tuple[int, bytes]]


def raw(chunk: bytes, dtype: str) -> tuple[int, bytes]:
    return 0, chunk


def constant(chunk: bytes, dtype: str) -> tuple[int, bytes]:
    size = DTYPES[dtype][1]
    if chunk != chunk[:size] * (len(chunk) // size):
        raise ValueError("the chunk is not constant")
    return 1, chunk[:size]


def zstd_codec(frame: Callable[[bytes], bytes] = zstd) -> Codec:
    return lambda chunk, dtype: (3, frame(chunk))


def split_planes(chunk: bytes, dtype: str) -> list[bytes]:
    """The planes of 8.8, by integer arithmetic on each element."""
    size = DTYPES[dtype][1]
    bits = 8 * size
    out = [bytearray() for _ in range(size)]
    for start in range(0, len(chunk), size):
        value = int.from_bytes(chunk[start : start + size], "little")
        if dtype in ("f32", "f16", "bf16"):
            upper, lower = value >> (bits - 16), value & ((1 << (bits - 16)) - 1)
            upper = (upper << 1 & 0xFFFF) | upper >> 15
            value = upper << (bits - 16) | lower
        for plane in range(size):
            out[plane].append(value >> (bits - 8 - 8 * plane) & 0xFF)
    return [bytes(plane) for plane in out]


def join_planes(planes: list[bytes], dtype: str) -> bytes:
    """The chunk that has these planes."""
    size = len(planes)
    bits = 8 * size
    out = bytearray()
    for column in zip(*planes):
        value = int.from_bytes(bytes(column), "big")
        if dtype in ("f32", "f16", "bf16"):
            upper, lower = value >> (bits - 16), value & ((1 << (bits - 16)) - 1)
            upper = upper >> 1 | (upper & 1) << 15
            value = upper << (bits - 16) | lower
        out += value.to_bytes(size, "little")
    return bytes(out)


def planes(modes: str | None = None, frame: Callable[[bytes], bytes] = zstd) -> Codec:
    """Byte planes; `modes` has a letter for each plane: c, r or z. Without it each plane takes what is shortest."""

    def encode(chunk: bytes, dtype: str) -> tuple[int, bytes]:
        flags, lengths, contents = 0, b"", b""
        for number, plane in enumerate(split_planes(chunk, dtype)):
            is_constant = plane == plane[:1] * len(plane)
            framed = frame(plane)
            best = "c" if is_constant else "z" if len(framed) < len(plane) else "r"
            mode = best if modes is None else modes[number]
            if mode == "c":
                if not is_constant:
                    raise ValueError("a plane is not constant")
                contents += plane[:1]
            elif mode == "r":
                flags |= 1 << (2 * number)
                contents += plane
            else:
                flags |= 2 << (2 * number)
                lengths += len(framed).to_bytes(3, "little")
                contents += framed
        return 2, bytes([flags]) + lengths + contents

    return encode


# Adapters


@dataclasses.dataclass
class Tensor:
    role: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes
    codecs: list[Codec] | Codec = raw


@dataclasses.dataclass
class Module:
    name: str
    kind: int
    rank: int
    alpha: float
    tensors: list[Tensor]
    rule: int = 0


@dataclasses.dataclass
class Adapter:
    modules: list[Module]
    meta: dict | bytes = dataclasses.field(default_factory=dict)
    note: dict | bytes | None = None
    provenance: dict | bytes | None = None
    signatures: Callable[[bytes], list | bytes] | None = None  # of the content root
    header_extra: list[tuple[str, bytes]] = dataclasses.field(default_factory=list)
    trailing_extra: list[tuple[str, bytes]] = dataclasses.field(default_factory=list)
    alignment: int = 1
    write_version: int = 1


# What the stages make. A field that is None is computed by the next stage.


@dataclasses.dataclass
class ModuleRecord:
    name: int
    kind: int
    rule: int
    rank: int
    first: int
    count: int
    alpha: bytes
    reserved: int = 0
    reserved2: int = 0


@dataclasses.dataclass
class TensorRecord:
    module: int
    role: int
    dtype: int
    d: int
    name: int
    first_chunk: int
    extents: list[int]
    leaves: list[bytes]
    reserved: int = 0
    digest: bytes | None = None


@dataclasses.dataclass
class ChunkRecord:
    codec: int
    encoded: bytes
    offset: int | None = None
    count: int | None = None
    padding: bytes | None = None
    reserved: bytes = b"\0\0\0"
    digest: bytes | None = None


@dataclasses.dataclass
class Tables:
    names: list[bytes]
    modules: list[ModuleRecord]
    tensors: list[TensorRecord]
    chunks: list[ChunkRecord]


@dataclasses.dataclass
class Entry:
    tag: bytes
    flags: int
    body: bytes
    trailing: bool = False
    gap: bytes | None = None  # the bytes before it
    offset: int | None = None  # as stated
    count: int | None = None  # as stated
    reserved: int = 0
    digest: bytes | None = None


@dataclasses.dataclass
class Header:
    entries: list[Entry]
    data: bytes
    content_root: bytes
    alignment: int
    write_version: int
    read_version: int = 1
    flags: int = 0
    section_count: int | None = None
    file_count: int | None = None
    header_count: int | None = None
    data_count: int | None = None
    reserved: bytes = bytes(20)
    padding: bytes | None = None  # at the end of the header
    tail: bytes = b""  # after the last section
    digest: bytes | None = None


def write(adapter: Adapter, **edits: Callable) -> bytes:
    """The file. Stages: `tables`, `digests` (Tables), `sections` (a dict from tag to body), `header` (Header)."""

    def edit(stage: str, state):
        if stage in edits:
            edits[stage](state)
        return state

    unknown = set(edits) - {"tables", "digests", "sections", "header"}
    if unknown:
        raise ValueError(unknown)
    tables = edit("tables", _tables(adapter))
    data = _place_chunks(tables, adapter.alignment)
    _tensor_digests(tables)
    edit("digests", tables)
    meta = adapter.meta if isinstance(adapter.meta, bytes) else cbor(adapter.meta)
    root = _content_root(tables, meta)
    sections = edit(
        "sections",
        {
            "META": meta,
            "NAME": _name_section(tables.names),
            "MODL": b"".join(map(_module_bytes, tables.modules)),
            "TENS": b"".join(map(_tensor_bytes, tables.tensors)),
            "CHNK": b"".join(map(_chunk_bytes, tables.chunks)),
        },
    )
    entries = [Entry(tag.encode(), 1, body) for tag, body in sections.items()]
    extra, trailing = list(adapter.header_extra), list(adapter.trailing_extra)
    if adapter.note is not None:
        extra.append(("NOTE", adapter.note if isinstance(adapter.note, bytes) else cbor(adapter.note)))
    if adapter.provenance is not None:
        document = adapter.provenance
        trailing.append(("PROV", document if isinstance(document, bytes) else cbor(document)))
    if adapter.signatures is not None:
        document = adapter.signatures(root)
        trailing.append(("SIGN", document if isinstance(document, bytes) else cbor(document)))
    entries += [Entry(tag.encode(), 0, body) for tag, body in sorted(extra)]
    entries += [Entry(tag.encode(), 0, body, trailing=True) for tag, body in sorted(trailing)]
    return _seal(edit("header", Header(entries, data, root, adapter.alignment, adapter.write_version)))


def _tables(adapter: Adapter) -> Tables:
    texts = {module.name.encode() for module in adapter.modules}
    texts |= {tensor.name.encode() for module in adapter.modules for tensor in module.tensors}
    tables = Tables(sorted(texts), [], [], [])
    index = {name: position for position, name in enumerate(tables.names)}
    for module in sorted(adapter.modules, key=lambda module: module.name.encode()):
        tables.modules.append(
            ModuleRecord(
                index[module.name.encode()],
                module.kind,
                module.rule,
                module.rank,
                len(tables.tensors),
                len(module.tensors),
                struct.pack("<d", module.alpha),
            )
        )
        for tensor in sorted(module.tensors, key=lambda tensor: (tensor.role, tensor.name.encode())):
            pieces = [tensor.data[start : start + MIB] for start in range(0, len(tensor.data), MIB)]
            codecs = tensor.codecs if isinstance(tensor.codecs, list) else [tensor.codecs] * len(pieces)
            first = len(tables.chunks)
            for piece, codec in zip(pieces, codecs, strict=True):
                number, encoded = codec(piece, tensor.dtype)
                if len(encoded) > len(piece):
                    raise ValueError(f"{len(encoded)} bytes for {len(piece)}")
                tables.chunks.append(ChunkRecord(number, encoded))
            tables.tensors.append(
                TensorRecord(
                    len(tables.modules) - 1,
                    tensor.role,
                    DTYPES[tensor.dtype][0],
                    len(tensor.shape),
                    index[tensor.name.encode()],
                    first,
                    list(tensor.shape) + [0] * (6 - len(tensor.shape)),
                    [sha256(b"\0" + piece) for piece in pieces],
                )
            )
    return tables


def _place_chunks(tables: Tables, alignment: int) -> bytes:
    data = b""
    for chunk in tables.chunks:
        if chunk.padding is None:
            chunk.padding = bytes(-len(chunk.encoded) % alignment)
        if chunk.offset is None:
            chunk.offset = len(data)
        if chunk.count is None:
            chunk.count = len(chunk.encoded)
        extent = chunk.encoded + chunk.padding
        if chunk.digest is None:
            chunk.digest = sha256(b"\0" + extent)
        data += extent
    return data


def _name_at(tables: Tables, index: int) -> bytes:
    return tables.names[index] if index < len(tables.names) else b""


def _tensor_digests(tables: Tables) -> None:
    for tensor in tables.tensors:
        if tensor.digest is not None:
            continue
        owner = tables.modules[tensor.module].name if tensor.module < len(tables.modules) else 0
        tensor.digest = sha256(
            b"\x02"
            + text(_name_at(tables, owner))
            + text(_name_at(tables, tensor.name))
            + bytes([tensor.role, tensor.dtype, tensor.d])
            + b"".join(extent.to_bytes(8, "little") for extent in tensor.extents[: tensor.d])
            + merkle(tensor.leaves)
        )


def _content_root(tables: Tables, meta: bytes) -> bytes:
    leaves = []
    for module in tables.modules:
        own = tables.tensors[module.first : module.first + module.count]
        leaves.append(
            sha256(
                b"\x03"
                + text(_name_at(tables, module.name))
                + bytes([module.kind, module.rule])
                + module.rank.to_bytes(4, "little")
                + module.alpha
                + module.count.to_bytes(4, "little")
                + b"".join(tensor.digest for tensor in own)
            )
        )
    return sha256(b"\x04" + sha256(meta) + merkle(leaves))


def _name_section(names: list[bytes]) -> bytes:
    ends, end = b"", 0
    for name in names:
        end += len(name)
        ends += end.to_bytes(4, "little")
    return len(names).to_bytes(4, "little") + bytes(4) + ends + b"".join(names)


def _module_bytes(record: ModuleRecord) -> bytes:
    return (
        struct.pack(
            "<IBBHIII", record.name, record.kind, record.rule, record.reserved, record.rank, record.first, record.count
        )
        + struct.pack("<I", record.reserved2)
        + record.alpha
    )


def _tensor_bytes(record: TensorRecord) -> bytes:
    return (
        struct.pack("<IBBBB", record.module, record.role, record.dtype, record.d, record.reserved)
        + struct.pack("<II6I", record.name, record.first_chunk, *record.extents)
        + record.digest
    )


def _chunk_bytes(record: ChunkRecord) -> bytes:
    return struct.pack("<QIB", record.offset, record.count, record.codec) + record.reserved + record.digest


def _seal(header: Header) -> bytes:
    """Lays the file out, and fills in what is still None."""
    entries = header.entries
    count = len(entries) if header.section_count is None else header.section_count
    front = bytearray(128 + 64 * len(entries))
    for entry in entries:
        if not entry.trailing:
            front += bytes(-len(front) % 8) if entry.gap is None else entry.gap
            entry.offset = len(front) if entry.offset is None else entry.offset
            front += entry.body
    unit = max(8, header.alignment)
    front += bytes(-len(front) % unit) if header.padding is None else header.padding
    header_count = len(front) if header.header_count is None else header.header_count
    rest = bytearray(header.data)
    for entry in entries:
        if entry.trailing:
            rest += entry.gap or b""
            entry.offset = len(front) + len(rest) if entry.offset is None else entry.offset
            rest += entry.body
    rest += header.tail
    file_count = len(front) + len(rest) if header.file_count is None else header.file_count
    front[:64] = MAGIC + struct.pack(
        "<BBHIQQQI20s",
        header.read_version,
        header.write_version,
        header.flags,
        count,
        file_count,
        header_count,
        len(header.data) if header.data_count is None else header.data_count,
        header.alignment,
        header.reserved,
    )
    front[64:96] = header.content_root
    whole = bytes(front + rest)
    for index, entry in enumerate(entries):
        byte_count = len(entry.body) if entry.count is None else entry.count
        # The digest is that of the bytes that the entry points to, if they exist.
        digest = sha256(whole[entry.offset : entry.offset + byte_count]) if entry.digest is None else entry.digest
        start = 128 + 64 * index
        front[start : start + 64] = struct.pack(
            "<4sIQQQ32s", entry.tag, entry.flags, entry.offset, byte_count, entry.reserved, digest
        )
    whole = bytearray(front + rest)
    whole[96:128] = sha256(bytes(whole[:header_count])) if header.digest is None else header.digest
    return bytes(whole)


def reseal(data: bytes | bytearray) -> bytes:
    """The file with the header digest that its bytes have."""
    whole = bytearray(data)
    whole[96:128] = bytes(32)
    header_count = int.from_bytes(whole[24:32], "little")
    whole[96:128] = sha256(bytes(whole[:header_count]))
    return bytes(whole)
