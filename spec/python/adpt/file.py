"""A strict verifier and decoder of adapter files, written from ../../adapter-format-v1.md alone.

    python -m adpt FILE     what the file holds, as JSON; exit status 2 and a code where it breaks a rule

Clause numbers in comments are those of the specification; codes are those of its annex A.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import mmap
import struct
import sys
from collections.abc import Iterator

import numpy as np

from . import cbor, chunks, documents
from .fault import Fault, require

MAGIC = bytes.fromhex("89 41 44 50 54 0D 0A 1A")
FIXED_HEADER, SECTION_ENTRY = 128, 64
MODULE_RECORD, TENSOR_RECORD, CHUNK_RECORD = 32, 72, 48
CHUNK = 1 << 20
FEW = 64  # tensors with at most so many elements are printed with their values
MIB = 1 << 20
GIB = 1 << 30

TABLES = ("META", "NAME", "MODL", "TENS", "CHNK")
DOCUMENT_LIMITS = {"META": MIB, "NOTE": 16 * MIB, "PROV": 16 * MIB, "SIGN": MIB // 16}

KINDS = ("none", "linear", "transposedLinear", "convolution", "embedding", "experts")
RULES = ("alphaOverRank", "alphaOverRootOfRank")
ROLES = {
    1: "A",
    2: "B",
    3: "magnitude",
    4: "updateBias",
    5: "baseBias",
    6: "parameter",
    7: "rows",
    8: "opaque",
}
DTYPES = {
    1: ("f32", np.dtype("<f4")),
    2: ("f16", np.dtype("<f2")),
    3: ("bf16", np.dtype("<u2")),
    4: ("f8_e4m3", np.dtype("u1")),
    5: ("f8_e5m2", np.dtype("u1")),
    6: ("i8", np.dtype("i1")),
    7: ("u8", np.dtype("u1")),
    8: ("i32", np.dtype("<i4")),
    9: ("q8", np.dtype("u1")),  # blocks (7.6); raw elements are the blocks' bytes
}


@dataclasses.dataclass
class Section:
    tag: str
    critical: bool
    offset: int
    count: int
    digest: bytes


@dataclasses.dataclass
class Chunk:
    offset: int
    extent: int
    encoded: int
    codec: int
    digest: bytes
    decoded: int


@dataclasses.dataclass
class Tensor:
    name: str
    role: int
    dtype: int
    shape: tuple[int, ...]
    digest: bytes
    chunks: list[Chunk]

    @property
    def dtype_name(self) -> str:
        return DTYPES[self.dtype][0]

    @property
    def element_size(self) -> int:
        return DTYPES[self.dtype][1].itemsize

    @property
    def element_count(self) -> int:
        return math.prod(self.shape)

    @property
    def byte_count(self) -> int:
        if self.dtype_name == "q8":
            return (self.element_count + 31) // 32 * 34
        return self.element_count * self.element_size


@dataclasses.dataclass
class Module:
    name: str
    kind: int
    rule: int
    rank: int
    alpha: float
    tensors: list[Tensor]


def sha256(*parts: bytes) -> bytes:
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return state.digest()


def text(value: str) -> bytes:
    raw = value.encode("utf-8")
    return struct.pack("<I", len(raw)) + raw


def tree_root(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash of RFC 6962, section 2.1, over leaf hashes."""
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01", tree_root(leaves[:split]), tree_root(leaves[split:]))


def pad(count: int, unit: int) -> int:
    """How many bytes bring `count` to a multiple of `unit`."""
    return -count % unit


class AdapterFile:
    """An open file: every rule but those about the chunks has been checked."""

    modules: list[Module]
    meta: dict
    note: dict | None
    provenance: dict | None
    content_root: bytes

    def __init__(self, data, decoded_limit: int | None = None):
        self.data = data
        self._fixed_header()
        self._section_table()
        self._digests_of_sections()
        self._documents()
        self._names()
        self._tables(decoded_limit)
        self._content_root()

    # Section 4: the header

    def _fixed_header(self) -> None:
        data = self.data
        require(
            len(data) > 0 and bytes(data[:8]) == MAGIC[: len(data)],
            "wrongMagic",
            "the file does not start with the magic",
        )
        require(len(data) >= FIXED_HEADER, "truncated", f"the file has {len(data)} bytes, its header {FIXED_HEADER}")
        (
            read_version,
            write_version,
            flags,
            section_count,
            file_count,
            self.header_count,
            self.data_count,
            self.alignment,
            reserved,
            self.content_root,
            self.header_digest,
        ) = struct.unpack("<8xBBHIQQQI20s32s32s", data[:FIXED_HEADER])
        require(read_version <= 1, "newerVersion", f"the file needs a reader of version {read_version}")
        require(read_version == 1, "malformedHeader", "readVersion is 0")
        require(write_version >= read_version, "malformedHeader", "writeVersion is less than readVersion")
        require(flags == 0 and not any(reserved), "malformedHeader", "reserved bytes of the header are not zero")
        require(
            max(file_count, self.header_count, self.data_count) < 1 << 63,
            "malformedHeader",
            "the header states a length that no file has",
        )
        require(5 <= section_count <= 64, "malformedHeader", f"{section_count} sections, 5 to 64 are possible")
        require(self.header_count <= 64 * MIB, "limitExceeded", f"a header of {self.header_count} bytes")
        require(
            self.alignment in [1 << shift for shift in range(13)],
            "malformedHeader",
            f"an alignment of {self.alignment}",
        )
        require(len(data) >= file_count, "truncated", f"the file has {len(data)} bytes, its header says {file_count}")
        require(len(data) <= file_count, "trailingBytes", f"{len(data) - file_count} bytes follow the file's end")
        require(
            self.header_count % max(8, self.alignment) == 0,
            "malformedHeader",
            f"headerByteCount {self.header_count} is not a multiple of 8 and of the alignment",
        )
        table_end = FIXED_HEADER + section_count * SECTION_ENTRY
        require(
            table_end <= self.header_count and self.header_count + self.data_count <= file_count,
            "malformedHeader",
            "the section table, the header and the data do not fit into the file",
        )
        self.section_count = section_count
        header = bytes(data[: self.header_count])
        actual = sha256(header[:96], bytes(32), header[FIXED_HEADER:])
        require(actual == self.header_digest, "digestMismatch", "the header does not have its digest")

    def _section_table(self) -> None:
        self.sections: dict[str, Section] = {}
        header_end = self.header_count
        position = FIXED_HEADER + self.section_count * SECTION_ENTRY
        trailing = False
        previous = ""
        for index in range(self.section_count):
            start = FIXED_HEADER + index * SECTION_ENTRY
            raw_tag, flags, offset, count, reserved, digest = struct.unpack(
                "<4sIQQQ32s", self.data[start : start + SECTION_ENTRY]
            )
            require(raw_tag.isalnum(), "malformedHeader", f"a tag {raw_tag!r} that is not four ASCII letters or digits")
            tag = raw_tag.decode("ascii")
            require(flags & ~1 == 0 and reserved == 0, "malformedHeader", f"{tag}: reserved bits are not zero")
            require(tag not in self.sections, "malformedHeader", f"{tag} occurs twice")
            critical = flags == 1
            if index < 5:
                require(tag == TABLES[index], "malformedHeader", f"section {index} is {tag}, not {TABLES[index]}")
                require(critical, "malformedHeader", f"{tag} is not marked as critical")
            else:
                require(not critical, "unknownSection", f"{tag} is not a section that version 1 knows as critical")
                if not trailing and offset >= header_end:
                    trailing, previous, position = True, "", header_end + self.data_count
                    self._padding(self._header_sections_end(), header_end, "the header")
                require(tag > previous, "malformedHeader", f"{tag} is out of order")
                previous = tag
                require(tag != "NOTE" or not trailing, "malformedHeader", "NOTE is not a header section")
                is_placed = tag not in ("PROV", "SIGN") or trailing
                require(is_placed, "malformedHeader", f"{tag} is not a trailing section")
            if tag in DOCUMENT_LIMITS:
                require(count <= DOCUMENT_LIMITS[tag], "limitExceeded", f"{tag} has {count} bytes")
            expected = position if trailing else position + pad(position, 8)
            require(offset == expected, "malformedHeader", f"{tag} starts at {offset}, not at {expected}")
            end = len(self.data) if trailing else header_end
            require(count <= end - offset, "malformedHeader", f"{tag} ends after its part of the file")
            if not trailing:
                self._padding(position, offset, tag)
            position = offset + count
            self.sections[tag] = Section(tag, critical, offset, count, digest)
        if not trailing:
            self._padding(position, header_end, "the header")
            position = header_end + self.data_count
        require(
            position == len(self.data), "malformedHeader", f"{len(self.data) - position} bytes follow the last section"
        )

    def _header_sections_end(self) -> int:
        last = list(self.sections.values())[-1]
        return last.offset + last.count

    def _padding(self, start: int, end: int, what: str) -> None:
        """3.3 and 3.4: the bytes before a section or at the header's end are few and zero."""
        require(end - start < max(8, self.alignment), "malformedHeader", f"{end - start} bytes of padding at {what}")
        require(not any(self.data[start:end]), "malformedHeader", f"the padding at {what} is not zero")

    def _bytes(self, tag: str) -> bytes:
        section = self.sections[tag]
        return bytes(self.data[section.offset : section.offset + section.count])

    def _digests_of_sections(self) -> None:
        for section in self.sections.values():
            require(
                sha256(self._bytes(section.tag)) == section.digest,
                "digestMismatch",
                f"{section.tag} does not have its digest",
            )

    # Section 5: metadata

    def _documents(self) -> None:
        self.meta = cbor.decode(self._bytes("META"), "META")
        documents.check_meta(self.meta)
        self.note = self.provenance = self.signatures = None
        if "NOTE" in self.sections:
            self.note = cbor.decode(self._bytes("NOTE"), "NOTE")
            documents.check_note(self.note)
        if "PROV" in self.sections:
            self.provenance = cbor.decode(self._bytes("PROV"), "PROV")
            documents.check_provenance(self.provenance)
        if "SIGN" in self.sections:
            self.signatures = documents.signatures(self._bytes("SIGN"))

    # Sections 6 to 8: tables

    def _names(self) -> None:
        raw = self._bytes("NAME")
        require(len(raw) >= 8, "malformedTable", "NAME is shorter than its head")
        count, reserved = struct.unpack("<II", raw[:8])
        require(reserved == 0, "malformedHeader", "reserved bytes of NAME are not zero")
        require(count <= (len(raw) - 8) // 4, "malformedTable", f"NAME counts {count} texts, which do not fit")
        texts = raw[8 + 4 * count :]
        self.names: list[str] = []
        start, previous = 0, None
        for end in struct.unpack(f"<{count}I", raw[8 : 8 + 4 * count]):
            require(start <= end <= len(texts), "malformedTable", f"a text of NAME ends at {end}")
            entry = texts[start:end]
            require(len(entry) <= 1024, "malformedTable", f"a name of {len(entry)} bytes")
            require(previous is None or previous < entry, "malformedTable", f"the name {entry!r} is out of order")
            require(
                all(byte >= 0x20 and byte != 0x7F for byte in entry),
                "malformedTable",
                f"the name {entry!r} holds a control character",
            )
            try:
                self.names.append(entry.decode("utf-8", "strict"))
            except UnicodeDecodeError as error:
                raise Fault("malformedTable", f"the name {entry!r} is not valid UTF-8") from error
            start, previous = end, entry
        require(start == len(texts), "malformedTable", f"{len(texts) - start} bytes follow the last text of NAME")
        self.names_used: set[int] = set()

    def _name(self, index: int, what: str) -> str:
        require(index < len(self.names), "malformedTable", f"{what} refers to name {index} of {len(self.names)}")
        self.names_used.add(index)
        return self.names[index]

    def _records(self, tag: str, size: int) -> list[bytes]:
        raw = self._bytes(tag)
        require(len(raw) % size == 0, "malformedTable", f"{tag} has {len(raw)} bytes, its records {size}")
        return [raw[start : start + size] for start in range(0, len(raw), size)]

    def _tables(self, decoded_limit: int | None) -> None:
        module_records = self._records("MODL", MODULE_RECORD)
        require(len(module_records) <= 65_536, "limitExceeded", f"{len(module_records)} modules")
        tensor_records = self._records("TENS", TENSOR_RECORD)
        require(len(tensor_records) <= 262_144, "limitExceeded", f"{len(tensor_records)} tensors")
        chunk_records = self._records("CHNK", CHUNK_RECORD)

        tensors = self._tensors(tensor_records, len(chunk_records), decoded_limit)
        self._chunks(chunk_records, [tensor for _, tensor in tensors])
        self._modules(module_records, tensors)
        unused = set(range(len(self.names))) - self.names_used
        require(not unused, "malformedTable", f"no record refers to the names {sorted(unused)}")

    def _tensors(self, records: list[bytes], chunk_total: int, limit: int | None) -> list[tuple[int, Tensor]]:
        tensors: list[tuple[int, Tensor]] = []
        self._chunk_counts: list[int] = []
        next_chunk = decoded = 0
        largest = max(64 * MIB, 1024 * len(self.data)) if limit is None else limit
        largest = min(largest, 64 * GIB)
        for index, record in enumerate(records):
            what = f"tensor {index}"
            module, role, dtype, d, reserved, name_index, first_chunk = struct.unpack("<IBBBBII", record[:16])
            extents = struct.unpack("<6I", record[16:40])
            require(reserved == 0, "malformedHeader", f"{what}: a reserved byte is not zero")
            require(role in ROLES, "malformedTable", f"{what} has role {role}")
            require(dtype in DTYPES, "malformedTable", f"{what} has dtype {dtype}")
            require(d <= 6, "malformedTable", f"{what} has {d} dimensions")
            require(not any(extents[d:]), "malformedTable", f"{what} has extents beyond its dimensions")
            require(max(extents) <= 1 << 31, "malformedTable", f"{what} has an extent of {max(extents)}")
            name = self._name(name_index, what)
            require(role > 2 or name == "", "malformedTable", f"{what} is A or B and has the name {name!r}")
            tensor = Tensor(name, role, dtype, extents[:d], record[40:], [])
            require(tensor.element_count < 1 << 48, "malformedTable", f"{what} has {tensor.element_count} elements")
            decoded += tensor.byte_count
            require(decoded <= largest, "limitExceeded", f"the tensors have more than {largest} bytes")
            require(
                first_chunk == next_chunk, "malformedTable", f"{what} starts at chunk {first_chunk}, not {next_chunk}"
            )
            count = -(-tensor.byte_count // CHUNK)
            self._chunk_counts.append(count)
            next_chunk += count
            tensors.append((module, tensor))
        require(next_chunk == chunk_total, "malformedTable", f"CHNK has {chunk_total} records, not {next_chunk}")
        return tensors

    def _chunks(self, records: list[bytes], tensors: list[Tensor]) -> None:
        position = index = 0
        for tensor, count in zip(tensors, self._chunk_counts):
            for number in range(count):
                offset, encoded, codec, reserved, digest = struct.unpack("<QIB3s32s", records[index])
                length = min(CHUNK, tensor.byte_count - number * CHUNK)
                what = f"chunk {index}"
                require(not any(reserved), "malformedHeader", f"{what}: reserved bytes are not zero")
                require(codec <= 3, "unknownCodec", f"{what} has codec {codec}")
                require(offset < 1 << 63, "malformedHeader", f"{what} starts at {offset}, where no file has bytes")
                require(1 <= encoded <= length, "malformedTable", f"{what} has {encoded} bytes for {length}")
                require(offset == position, "malformedTable", f"{what} starts at {offset}, not at {position}")
                extent = encoded + pad(encoded, self.alignment)
                position += extent
                require(position <= self.data_count, "malformedTable", f"{what} ends after the data")
                tensor.chunks.append(Chunk(offset, extent, encoded, codec, digest, length))
                index += 1
        require(position == self.data_count, "malformedTable", f"the chunks end at {position} of {self.data_count}")

    def _modules(self, records: list[bytes], tensors: list[tuple[int, Tensor]]) -> None:
        self.modules = []
        next_tensor, previous = 0, -1
        for index, record in enumerate(records):
            name_index, kind, rule, reserved, rank, first, count, reserved2 = struct.unpack("<IBBHIIII", record[:24])
            alpha = struct.unpack("<d", record[24:])[0]
            name = self._name(name_index, f"module {index}")
            what = f"module {name!r}"
            require(reserved == 0 and reserved2 == 0, "malformedHeader", f"{what}: reserved bytes are not zero")
            # The names are strictly ascending, so their indexes are ordered as they are.
            require(name_index > previous, "malformedTable", f"{what} is out of order")
            previous = name_index
            require(kind < len(KINDS), "malformedTable", f"{what} has kind {kind}")
            require(rule < len(RULES), "malformedTable", f"{what} has scaling rule {rule}")
            require(math.isfinite(alpha), "malformedTable", f"{what} has an α of {alpha}")
            require(rank <= 65_536, "malformedTable", f"{what} has rank {rank}")
            if kind == 0:
                require(
                    rank == 0 and rule == 0 and record[24:] == bytes(8),
                    "malformedTable",
                    f"{what} has no update but a rank, an α or a scaling rule",
                )
            else:
                require(rank >= 1, "malformedTable", f"{what} has rank 0")
            require(first == next_tensor, "malformedTable", f"{what} starts at tensor {first}, not {next_tensor}")
            require(1 <= count <= len(tensors) - first, "malformedTable", f"{what} has {count} tensors")
            next_tensor = first + count
            own = tensors[first:next_tensor]
            require(all(owner == index for owner, _ in own), "malformedTable", f"a tensor of {what} names another")
            module = Module(name, kind, rule, rank, alpha, [tensor for _, tensor in own])
            keys = [(tensor.role, tensor.name.encode("utf-8")) for tensor in module.tensors]
            require(
                all(left < right for left, right in zip(keys, keys[1:])),
                "malformedTable",
                f"the tensors of {what} are not strictly ascending",
            )
            _check_update(module, what)
            self.modules.append(module)
        require(next_tensor == len(tensors), "malformedTable", f"{len(tensors) - next_tensor} tensors have no module")

    # Section 9: hashes

    def _content_root(self) -> None:
        leaves = []
        for module in self.modules:
            leaves.append(
                sha256(
                    b"\x03",
                    text(module.name),
                    struct.pack("<BBId", module.kind, module.rule, module.rank, module.alpha),
                    struct.pack("<I", len(module.tensors)),
                    *[tensor.digest for tensor in module.tensors],
                )
            )
        root = sha256(b"\x04", sha256(self._bytes("META")), tree_root(leaves))
        require(root == self.content_root, "digestMismatch", "the file does not have its content root")

    def decoded_chunks(self, module: Module, tensor: Tensor) -> Iterator[bytes]:
        """The decoded chunks; when the last has been taken, the tensor's digest has been checked."""
        leaves = []
        for chunk in tensor.chunks:
            start = self.header_count + chunk.offset
            extent = bytes(self.data[start : start + chunk.extent])
            what = f"{module.name!r}, role {tensor.role}, {tensor.name!r}"
            require(sha256(b"\x00", extent) == chunk.digest, "digestMismatch", f"{what}: a chunk lacks its digest")
            require(not any(extent[chunk.encoded :]), "malformedChunk", f"{what}: the padding is not zero")
            decoded = chunks.decode(
                chunk.codec, extent[: chunk.encoded], tensor.dtype_name, tensor.element_size, chunk.decoded
            )
            leaves.append(sha256(b"\x00", decoded))
            yield decoded
        digest = sha256(
            b"\x02",
            text(module.name),
            text(tensor.name),
            struct.pack("<BBB", tensor.role, tensor.dtype, len(tensor.shape)),
            struct.pack(f"<{len(tensor.shape)}Q", *tensor.shape),
            tree_root(leaves),
        )
        require(digest == tensor.digest, "digestMismatch", f"{module.name!r}, {tensor.name!r}: not the tensor's digest")

    def elements(self, module: Module, tensor: Tensor) -> np.ndarray:
        """The elements in one dimension; bf16 and the 8-bit floats as their raw bits (see `chunks.as_floats`)."""
        raw = b"".join(self.decoded_chunks(module, tensor))
        return np.frombuffer(raw, dtype=DTYPES[tensor.dtype][1])

    def array(self, module: Module, tensor: Tensor) -> np.ndarray:
        """The elements in their shape, those of q8 as values. NumPy has no room for some empty shapes of the format."""
        elements = self.elements(module, tensor)
        if tensor.dtype_name == "q8":
            elements = chunks.block_values(elements)[: tensor.element_count]
        return elements.reshape(tensor.shape)


def _check_update(module: Module, what: str) -> None:
    """6.2 and 7.3: A and B are there, and have the shapes that the kind demands."""
    a = [tensor.shape for tensor in module.tensors if tensor.role == 1]
    b = [tensor.shape for tensor in module.tensors if tensor.role == 2]
    if module.kind == 0:
        require(not a and not b, "malformedTable", f"{what} has no update but A or B")
        return
    require(len(a) == 1 and len(b) == 1, "malformedTable", f"{what} has {len(a)} A and {len(b)} B")
    r, sa, sb = module.rank, a[0], b[0]
    if module.kind == 3:
        fits = (
            len(sa) == len(sb)
            and len(sa) >= 3
            and sa[0] == r
            and sb[1] > 0
            and r % sb[1] == 0
            and sb[0] % (r // sb[1]) == 0
            and all(extent == 1 for extent in sb[2:])
        )
    elif module.kind == 5:
        fits = len(sa) == 3 and len(sb) == 3 and sa[0] == sb[0] and sa[1] == r and sb[2] == r
    else:
        fits = len(sa) == 2 and len(sb) == 2 and sa[0] == r and sb[1] == r
    require(fits, "malformedTable", f"{what} of kind {module.kind} and rank {r} has A {sa} and B {sb}")


def _plain(value):
    """CBOR values as JSON: numbers that JSON does not know become texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value


def describe(data, decoded_limit: int | None = None) -> dict:
    """What the file holds, every digest checked."""
    file = AdapterFile(data, decoded_limit)
    modules = []
    for module in file.modules:
        tensors = []
        for tensor in module.tensors:
            state = hashlib.sha256()
            for decoded in file.decoded_chunks(module, tensor):
                state.update(decoded)
            entry = {
                "name": tensor.name,
                "role": ROLES[tensor.role],
                "dtype": tensor.dtype_name,
                "shape": list(tensor.shape),
                "sha256": state.hexdigest(),
            }
            if tensor.element_count <= FEW:
                elements = file.elements(module, tensor)
                if tensor.dtype_name == "q8":
                    elements = chunks.block_values(elements)[: tensor.element_count]
                entry["values"] = _plain(chunks.as_floats(elements, tensor.dtype_name).tolist())
            tensors.append(entry)
        modules.append(
            {
                "name": module.name,
                "kind": KINDS[module.kind],
                "scaling": RULES[module.rule],
                "rank": module.rank,
                "alpha": module.alpha,
                "tensors": tensors,
            }
        )
    result = {
        "contentRoot": file.content_root.hex(),
        "fileDigest": hashlib.sha256(data).hexdigest(),
        "meta": _plain(file.meta),
        "modules": modules,
    }
    if file.note is not None:
        result["note"] = _plain(file.note)
    if file.provenance is not None:
        result["provenance"] = _plain(file.provenance)
    if file.signatures is not None:
        result["signatures"] = _plain(file.signatures)
    return result


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 64
    try:
        with open(arguments[0], "rb") as stream:
            # An empty file cannot be mapped.
            empty = stream.seek(0, 2) == 0
            data = b"" if empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            print(json.dumps(describe(data), indent=2, ensure_ascii=False))
    except Fault as fault:
        print(f"{fault.code}: {fault.message}", file=sys.stderr)
        return 2
    except OSError as error:
        print(error, file=sys.stderr)
        return 66
    return 0


def run() -> None:
    """The command of the installed package."""
    sys.exit(main(sys.argv[1:]))
