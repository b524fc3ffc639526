"""The malformed test vectors: each breaks one rule, and every digest that its bytes should have, they have."""

from __future__ import annotations

import struct
from collections.abc import Callable

import signing
import writer as w
from valid_vectors import ED25519, P256, PROVENANCE, kept, linear, noise, smooth, tensor, words
from writer import A, B, Adapter, Module, Tensor

VECTORS: dict[str, Callable[[], bytes]] = {}


def add(code: str, what: str, make: Callable[[], bytes]) -> None:
    name = f"{code}--{what}"
    if name in VECTORS:
        raise ValueError(name)
    VECTORS[name] = make


def small(**fields) -> Adapter:
    """Two modules, three tensors, and each section that there is."""
    return Adapter(
        [linear("a"), kept(tensor(w.PARAMETER, "weight", "u8", (5,)), name="b")],
        fields.pop("meta", {"base": {"name": "example/base"}}),
        note=fields.pop("note", {"message": "note"}),
        provenance=fields.pop("provenance", PROVENANCE),
        **fields,
    )


def edited(code: str, what: str, adapter: Callable[[], Adapter] = small, **edits: Callable) -> None:
    add(code, what, lambda: w.write(adapter(), **edits))


def assign(path: str, value) -> Callable:
    """An edit that sets one field: `modules[0].kind`, `entries[5].tag`."""

    def edit(state) -> None:
        *steps, last = path.replace("[", ".").replace("]", "").split(".")
        for step in steps:
            state = state[int(step)] if step.isdigit() else getattr(state, step)
        setattr(state, last, value)

    return edit


def assign_all(*changes: tuple[str, object]) -> Callable:
    def edit(state) -> None:
        for path, value in changes:
            assign(path, value)(state)

    return edit


# The file as a whole

whole = w.write(small())
add("wrongMagic", "safetensors", lambda: struct.pack("<Q", 2) + b"{}" + bytes(200))
add("wrongMagic", "line-end-changed", lambda: whole.replace(b"\r\n", b"\n", 1))
add("wrongMagic", "eighth-bit-stripped", lambda: bytes(byte & 0x7F for byte in whole))
edited("newerVersion", "read-version-2", header=assign_all(("read_version", 2), ("write_version", 2)))
add("wrongMagic", "empty", lambda: b"")
for count in (1, 8, 9, 127, 128, 200, len(whole) - 1):
    add("truncated", f"after-{count}-bytes", lambda count=count: whole[:count])
edited("truncated", "stated-length-huge", header=assign("file_count", 2**62))
add("trailingBytes", "one-byte", lambda: whole + b"\0")
add("trailingBytes", "twice-the-file", lambda: whole + whole)
edited("malformedHeader", "bytes-after-the-last-section", header=assign("tail", bytes(8)))
edited("malformedHeader", "bytes-after-the-data", lambda: Adapter([linear()]), header=assign("tail", b"\1"))

# The fixed header

for what, path, value in (
    ("read-version-0", "read_version", 0),
    ("write-version-0", "write_version", 0),
    ("flags", "flags", 0x8000),
    ("reserved-bytes", "reserved", bytes(19) + b"\1"),
    ("section-table-beyond-header", "section_count", 64),
    ("header-count-beyond-file", "header_count", 1 << 20),
    ("file-count-overflows", "file_count", 2**64 - 1),
    ("data-count-overflows", "data_count", 2**64 - 1),
    ("data-count-overflows-signed", "data_count", 2**63 - 1),
    ("data-count-beyond-file", "data_count", 1 << 40),
):
    edited("malformedHeader", what, header=assign(path, value))
for alignment in (0, 3, 8192):
    # Laid out for alignment 1, so that nothing else is wrong where the number divides everything.
    edited(
        "malformedHeader", f"alignment-{alignment}", lambda: Adapter([]), header=lambda h, a=alignment: _alignment(h, a)
    )


def _alignment(header: w.Header, alignment: int) -> None:
    header.alignment = alignment
    front = 128 + 5 * 64 + 16
    header.padding = bytes(-front % alignment) if alignment else b""


def _sections_4(header: w.Header) -> None:
    del header.entries[4:]


edited("malformedHeader", "four-sections", lambda: Adapter([]), header=_sections_4)
edited(
    "malformedHeader",
    "65-sections",
    lambda: Adapter([], header_extra=[(f"X{index:03}", b"") for index in range(59)] + [("YYYY", b"y")]),
)
edited("malformedHeader", "padding-not-zero", lambda: small(alignment=256), header=lambda h: _pad(h, 256, b"\1"))
edited("malformedHeader", "padding-too-long", header=lambda h: _pad(h, 8, bytes(8)))
edited(
    "malformedHeader",
    "padding-too-long-aligned",
    lambda: small(alignment=256),
    header=lambda h: _pad(h, 256, bytes(256)),
)
edited("malformedHeader", "header-not-multiple-of-8", header=lambda h: setattr(h, "padding", b"\0"))
edited(
    "malformedHeader",
    "header-not-aligned",
    lambda: Adapter([kept(tensor(w.OPAQUE, "", "u8", (256,)))], alignment=256),
    header=assign("padding", b""),
)


def _front(header: w.Header) -> int:
    front = 128 + 64 * len(header.entries)
    for entry in header.entries:
        if not entry.trailing:
            front += -front % 8 + len(entry.body)
    return front


def _pad(header: w.Header, unit: int, more: bytes) -> None:
    """The right padding and `more`, or in its place where one byte replaces one."""
    right = bytes(-_front(header) % unit)
    header.padding = right[: -len(more)] + more if more.strip(b"\0") else right + more


# The section table


def swap(first: int, second: int) -> Callable:
    def edit(header: w.Header) -> None:
        entries = header.entries
        entries[first], entries[second] = entries[second], entries[first]

    return edit


def extras() -> Adapter:
    return small(
        header_extra=[("AAAA", b"12345678"), ("ZZZZ", b"12345678")], trailing_extra=[("TTTT", b"t"), ("UUUU", b"u")]
    )


# extras(): 0-4 tables, 5 AAAA, 6 NOTE, 7 ZZZZ, 8 PROV, 9 TTTT, 10 UUUU
edited("malformedHeader", "name-before-meta", header=swap(0, 1))
edited("malformedHeader", "tables-missing-one", header=assign("entries[4].tag", b"CHNL"))
edited("malformedHeader", "header-sections-unsorted", extras, header=swap(5, 6))
edited("malformedHeader", "trailing-sections-unsorted", extras, header=swap(9, 10))
edited("malformedHeader", "section-twice", extras, header=assign("entries[6].tag", b"AAAA"))
edited("malformedHeader", "trailing-section-twice", extras, header=assign("entries[10].tag", b"TTTT"))
edited("malformedHeader", "section-in-both-places", extras, header=assign("entries[7].tag", b"UUUU"))
edited("malformedHeader", "second-meta", extras, header=assign("entries[7].tag", b"META"))
edited("malformedHeader", "tag-with-space", extras, header=assign("entries[5].tag", b"AAA "))
edited("malformedHeader", "tag-not-ascii", extras, header=assign("entries[10].tag", "Üé".encode()))
edited("malformedHeader", "section-flags", extras, header=assign("entries[5].flags", 2))
edited("malformedHeader", "section-flags-high", extras, header=assign("entries[0].flags", 0x80000001))
edited("malformedHeader", "section-reserved", extras, header=assign("entries[9].reserved", 1 << 63))
edited("malformedHeader", "meta-not-critical", header=assign("entries[0].flags", 0))
edited("unknownSection", "note-critical", header=assign("entries[5].flags", 1))
edited(
    "malformedHeader", "note-trailing", lambda: small(note=None, trailing_extra=[("NOTE", w.cbor({"message": "m"}))])
)
edited(
    "malformedHeader",
    "provenance-in-header",
    lambda: small(provenance=None, header_extra=[("PROV", w.cbor(PROVENANCE))]),
)
edited("unknownSection", "critical-in-header", extras, header=assign("entries[5].flags", 1))
edited("unknownSection", "critical-trailing", extras, header=assign("entries[10].flags", 1))


def offset_of(index: int, change: int) -> Callable:
    """States another offset for a section than where it is."""

    def edit(header: w.Header) -> None:
        front = 128 + 64 * len(header.entries)
        for number, entry in enumerate(header.entries):
            front += -front % 8
            if number == index:
                entry.offset = front + change
                return
            front += len(entry.body)

    return edit


def trailing_offset(index: int, change: int) -> Callable:
    def edit(header: w.Header) -> None:
        start = _front(header) + -_front(header) % max(8, header.alignment) + len(header.data)
        for number, entry in enumerate(header.entries):
            if entry.trailing:
                if number == index:
                    entry.offset = start + change
                    return
                start += len(entry.body)

    return edit


edited("malformedHeader", "section-overlaps", extras, header=offset_of(6, -8))
edited("malformedHeader", "section-in-table", header=assign("entries[0].offset", 128))
edited("malformedHeader", "section-not-multiple-of-8", extras, header=assign("entries[7].gap", b"\0\0\0\0"))
edited("malformedHeader", "section-gap", extras, header=assign("entries[7].gap", bytes(16)))
edited(
    "malformedHeader",
    "section-padding-not-zero",
    lambda: small(header_extra=[("AAAA", b"1"), ("BBBB", b"2")]),
    header=assign("entries[6].gap", b"\0\0\0\0\0\0\1"),
)
edited("malformedHeader", "section-beyond-header", extras, header=assign("entries[7].count", 1000))
edited("malformedHeader", "section-count-overflows", extras, header=assign("entries[7].count", 2**64 - 1))
edited("malformedHeader", "section-offset-overflows", extras, header=assign("entries[7].offset", 2**64 - 4))
edited("malformedHeader", "section-in-data", extras, header=trailing_offset(8, -1))
edited("malformedHeader", "trailing-section-gap", extras, header=assign("entries[10].gap", b"\0"))
edited("malformedHeader", "trailing-section-overlaps", extras, header=trailing_offset(10, -1))
edited("malformedHeader", "trailing-section-beyond-file", extras, header=assign("entries[10].count", 2))
edited("malformedHeader", "trailing-section-count-overflows", extras, header=assign("entries[10].count", 2**64 - 2))
edited("malformedHeader", "data-count-too-small", header=lambda h: setattr(h, "data_count", len(h.data) - 1))

# Names: "", "a", "b", "weight"


def names(make: Callable[[bytes], bytes]) -> Callable:
    return lambda sections: sections.update(NAME=make(sections["NAME"]))


def renamed(*texts: bytes) -> Callable:
    return lambda tables: setattr(tables, "names", list(texts))


edited("malformedTable", "names-empty-section", sections=names(lambda raw: b""))
edited("malformedTable", "names-without-head", sections=names(lambda raw: raw[:7]))
edited("malformedTable", "names-count-beyond-section", sections=names(lambda raw: b"\xff\xff\xff\xff" + raw[4:]))
edited("malformedTable", "names-count-times-four-wraps", sections=names(lambda raw: b"\4\0\0\x40" + raw[4:]))
edited("malformedHeader", "names-reserved", sections=names(lambda raw: raw[:4] + b"\1\0\0\0" + raw[8:]))
edited(
    "malformedTable", "names-end-beyond-section", sections=names(lambda raw: raw[:20] + b"\xff\xff\xff\xff" + raw[24:])
)
edited("malformedTable", "names-end-descends", sections=names(lambda raw: raw[:12] + b"\3\0\0\0" + raw[16:]))
edited("malformedTable", "names-bytes-left-over", sections=names(lambda raw: raw + b"x"))
edited("malformedTable", "names-unsorted", tables=renamed(b"", b"b", b"a", b"weight"))
edited("malformedTable", "names-twice", tables=renamed(b"", b"a", b"a", b"weight"))
edited("malformedTable", "names-empty-twice", tables=renamed(b"", b"", b"b", b"weight"))
edited("malformedTable", "names-not-referred-to", tables=renamed(b"", b"a", b"b", b"weight", b"x"))
for what, text in (
    ("nul", b"b\0"),
    ("control-1f", b"b\x1f"),
    ("delete", b"b\x7f"),
    ("latin-1", b"b\xe9"),
    ("overlong", b"b\xc0\xae"),
    ("surrogate", b"b\xed\xa0\x80"),
    ("cut-sequence", b"b\xf0\x9f\x98"),
    ("beyond-unicode", b"b\xf4\x90\x80\x80"),
):
    edited("malformedTable", f"name-{what}", tables=renamed(b"", b"a", text, b"weight"))
edited("malformedTable", "name-of-1025-bytes", tables=renamed(b"", b"a", b"b" * 1025, b"weight"))

# Reserved bytes, and a number that no file has room for

for what, field, value in (
    ("module-reserved", "modules[0].reserved", 256),
    ("module-reserved-2", "modules[0].reserved2", 1),
    ("tensor-reserved", "tensors[2].reserved", 1),
    ("chunk-reserved", "chunks[2].reserved", b"\0\0\1"),
    ("chunk-offset-2-64", "chunks[2].offset", 2**64 - 1),
):
    edited("malformedHeader", what, tables=assign(field, value))

# Modules: 0 linear "a" with tensors 0 (A) and 1 (B), 1 none "b" with tensor 2


def records(tag: str) -> Callable:
    return lambda sections: sections.update({tag: sections[tag] + b"\0"})


for tag in ("MODL", "TENS", "CHNK"):
    edited("malformedTable", f"{tag.lower()}-not-whole-records", sections=records(tag))
for what, field, value in (
    ("name-beyond-names", "modules[1].name", 4),
    ("name-far-beyond-names", "modules[1].name", 2**32 - 1),
    ("unknown-kind", "modules[0].kind", 6),
    ("unknown-scaling-rule", "modules[0].rule", 2),
    ("alpha-infinite", "modules[0].alpha", struct.pack("<d", float("inf"))),
    ("alpha-nan", "modules[0].alpha", struct.pack("<d", float("nan"))),
    ("rank-0", "modules[0].rank", 0),
    ("rank-not-that-of-a", "modules[0].rank", 3),
    ("none-with-rank", "modules[1].rank", 1),
    ("none-with-alpha", "modules[1].alpha", struct.pack("<d", 1)),
    ("none-with-negative-zero-alpha", "modules[1].alpha", struct.pack("<d", -0.0)),
    ("none-with-scaling-rule", "modules[1].rule", 1),
    ("starts-late", "modules[0].first", 1),
    ("starts-in-predecessor", "modules[1].first", 1),
    ("starts-after-gap", "modules[1].first", 3),
    ("tensors-beyond-end", "modules[1].count", 2),
    ("tensors-overflow", "modules[1].count", 2**32 - 1),
    ("first-overflows", "modules[1].first", 2**32 - 1),
):
    edited("malformedTable", f"module-{what}", tables=assign(field, value))
edited(
    "malformedTable",
    "module-none-with-update",
    tables=assign_all(("modules[0].kind", 0), ("modules[0].rank", 0), ("modules[0].alpha", bytes(8))),
)
edited(
    "malformedTable", "module-linear-without-update", tables=assign_all(("modules[1].kind", 1), ("modules[1].rank", 1))
)


def _no_tensors(tables: w.Tables) -> None:
    tables.modules[1].count = 0
    del tables.tensors[2], tables.chunks[2]
    tables.names.pop()


edited("malformedTable", "module-without-tensors", tables=_no_tensors)
edited("malformedTable", "modules-unsorted", tables=lambda t: _swap_modules(t))
edited("malformedTable", "modules-twice", tables=lambda t: (assign("modules[1].name", 1)(t), _drop_name(t, 2)))
edited("malformedTable", "tensors-without-module", tables=lambda t: _drop_module(t))


def _swap_modules(tables: w.Tables) -> None:
    tables.modules[0].name, tables.modules[1].name = 2, 1


def _drop_name(tables: w.Tables, index: int) -> None:
    del tables.names[index]
    for record in [*tables.modules, *tables.tensors]:
        record.name -= record.name > index


def _drop_module(tables: w.Tables) -> None:
    """No module has the last tensor; it claims to belong to the first."""
    del tables.modules[1]
    tables.tensors[2].module = 0
    _drop_name(tables, 2)


def shaped(code: str, what: str, kind: int, rank: int, a: tuple[int, ...] | None, b: tuple[int, ...] | None) -> None:
    tensors = [tensor(role, "", "i8", shape) for role, shape in ((A, a), (B, b)) if shape is not None]
    edited(code, what, lambda: Adapter([Module("m", kind, rank, 1.0, tensors)]))


shaped("malformedTable", "linear-without-a", w.LINEAR, 2, None, (4, 2))
shaped("malformedTable", "linear-without-b", w.LINEAR, 2, (2, 3), None)
shaped("malformedTable", "linear-ranks-differ", w.LINEAR, 2, (2, 3), (4, 3))
shaped("malformedTable", "linear-b-transposed", w.LINEAR, 2, (2, 3), (2, 4))
shaped("malformedTable", "linear-three-dimensions", w.LINEAR, 2, (2, 3, 1), (4, 2, 1))
shaped("malformedTable", "transposed-a-transposed", w.TRANSPOSED, 2, (3, 2), (4, 2))
shaped("malformedTable", "linear-scalar", w.LINEAR, 1, (), ())
shaped("malformedTable", "convolution-two-dimensions", w.CONVOLUTION, 2, (2, 3), (4, 2))
shaped("malformedTable", "convolution-dimensions-differ", w.CONVOLUTION, 2, (2, 3, 3, 3), (4, 2, 1))
shaped("malformedTable", "convolution-b-has-kernel", w.CONVOLUTION, 2, (2, 3, 3, 3), (4, 2, 1, 3))
shaped("malformedTable", "convolution-groups-do-not-divide", w.CONVOLUTION, 4, (4, 3, 3), (4, 3, 1))
shaped("malformedTable", "convolution-groups-do-not-divide-output", w.CONVOLUTION, 4, (4, 3, 3), (5, 2, 1))
shaped("malformedTable", "convolution-no-input-to-b", w.CONVOLUTION, 2, (2, 3, 3), (4, 0, 1))
shaped("malformedTable", "convolution-rank", w.CONVOLUTION, 4, (2, 3, 3), (4, 2, 1))
shaped("malformedTable", "embedding-three-dimensions", w.EMBEDDING, 2, (2, 9, 1), (4, 2, 1))
shaped("malformedTable", "embedding-a-transposed", w.EMBEDDING, 2, (9, 2), (4, 2))
shaped("malformedTable", "experts-counts-differ", w.EXPERTS, 2, (3, 2, 5), (2, 7, 2))
shaped("malformedTable", "experts-two-dimensions", w.EXPERTS, 2, (2, 5), (7, 2))
shaped("malformedTable", "experts-rank", w.EXPERTS, 2, (3, 2, 5), (3, 2, 7))
shaped("malformedTable", "rank-65537", w.LINEAR, 65_537, (65_537, 0), (0, 65_537))

# Tensors

for what, field, value in (
    ("module-of-another", "tensors[1].module", 1),
    ("module-beyond-modules", "tensors[2].module", 2),
    ("role-0", "tensors[2].role", 0),
    ("role-9", "tensors[2].role", 9),
    ("dtype-0", "tensors[2].dtype", 0),
    ("dtype-10", "tensors[2].dtype", 10),
    ("name-beyond-names", "tensors[2].name", 2**32 - 1),
    ("first-chunk-of-another", "tensors[1].first_chunk", 0),
    ("first-chunk-beyond", "tensors[2].first_chunk", 2**32 - 1),
    ("extents-beyond-dimensions", "tensors[2].extents", [5, 1, 0, 0, 0, 0]),
    ("shorter-than-its-chunks", "tensors[2].extents", [4, 0, 0, 0, 0, 0]),
    ("without-elements-but-chunk", "tensors[2].extents", [0] * 6),
):
    edited("malformedTable", f"tensor-{what}", tables=assign(field, value))
edited("malformedTable", "tensor-a-with-name", tables=assign("tensors[0].name", 3))
edited(
    "malformedTable",
    "tensors-unsorted-roles",
    lambda: _two((w.OPAQUE, "x"), (w.PARAMETER, "x")),
    tables=lambda t: _reverse(t),
)
edited(
    "malformedTable",
    "tensors-unsorted-names",
    lambda: _two((w.OPAQUE, "x"), (w.OPAQUE, "y")),
    tables=lambda t: _reverse(t),
)
edited("malformedTable", "tensors-twice", lambda: _two((w.OPAQUE, "x"), (w.OPAQUE, "x")))
edited("malformedTable", "tensor-of-7-dimensions", tables=assign("tensors[2].d", 7))
edited("malformedTable", "tensor-of-255-dimensions", tables=assign("tensors[2].d", 255))


def _two(*keys: tuple[int, str]) -> Adapter:
    return Adapter([kept(*[tensor(role, name, "u8", (3,)) for role, name in keys])])


def _reverse(tables: w.Tables) -> None:
    first, second = tables.tensors
    first.role, second.role = second.role, first.role
    first.name, second.name = second.name, first.name


def sized(code: str, what: str, *extents: int, dtype: str = "u8", data: int = 0) -> None:
    """A tensor whose extents promise more than its chunk holds."""

    def adapter() -> Adapter:
        content = noise(data, what)
        codecs = [w.raw] if data else []
        return Adapter([kept(Tensor(w.OPAQUE, "", dtype, extents, content, codecs))])

    edited(code, f"tensor-{what}", adapter)


sized("malformedTable", "extent-above-2-31", (1 << 31) + 1, 0)
sized("malformedTable", "of-2-48-elements", 1 << 24, 1 << 24)
sized("malformedTable", "count-overflows", *[1 << 31] * 6)
sized("malformedTable", "count-wraps-to-0", 1 << 31, 1 << 31, 4)
sized("malformedTable", "count-wraps-to-8", 1 << 31, 1 << 31, 1 << 2, 2**31, data=8)
sized("limitExceeded", "length-of-one-pebibyte", 1 << 24, (1 << 24) - 1, dtype="f32", data=8)
sized("limitExceeded", "above-64-gibibytes", 1 << 31, 9, dtype="f32", data=8)


def bomb(name: str, shape: tuple[int, ...], dtype: str = "u8") -> Tensor:
    content = bytes(w.DTYPES[dtype][1])
    count = 1
    for extent in shape:
        count *= extent
    return Tensor(w.OPAQUE, name, dtype, shape, content * count, w.constant)


edited("limitExceeded", "bomb-constant-65-mebibytes", lambda: Adapter([kept(bomb("", (65 << 20,)))]))
edited(
    "limitExceeded", "bomb-of-many-tensors", lambda: Adapter([kept(*[bomb(f"{i:02}", (w.MIB,)) for i in range(65)])])
)
edited(
    "limitExceeded",
    "bomb-zstd",
    lambda: Adapter(
        [kept(Tensor(w.OPAQUE, "", "u8", (65 << 20,), bytes(65 << 20), w.zstd_codec(lambda c: w.zstd(c, 1))))]
    ),
)

# Chunks: 0 (24 bytes), 1 (32 bytes), 2 (5 bytes)

for what, field, value in (
    ("offset-overlaps", "chunks[1].offset", 20),
    ("offset-after-gap", "chunks[1].offset", 25),
    ("first-offset-not-0", "chunks[0].offset", 1),
    ("offset-beyond-data", "chunks[2].offset", 1 << 40),
    ("offset-overflows", "chunks[2].offset", 2**63 - 1),
    ("encoded-count-0", "chunks[2].count", 0),
    ("encoded-count-beyond-decoded", "chunks[2].count", 6),
    ("encoded-count-huge", "chunks[2].count", 2**32 - 1),
):
    edited("malformedTable", f"chunk-{what}", tables=assign(field, value))
edited("malformedTable", "chunk-beyond-data", header=lambda h: _shift_data(h, -1))
edited("malformedTable", "data-left-over", header=lambda h: _shift_data(h, 1))
edited("malformedTable", "data-without-chunks", lambda: Adapter([]), header=assign("data", b"\0"))
edited("malformedTable", "chunks-too-many", sections=lambda s: s.update(CHNK=s["CHNK"] + s["CHNK"][-48:]))
edited(
    "malformedTable", "chunks-too-few", lambda: _two((w.OPAQUE, "x"), (w.OPAQUE, "y")), tables=lambda t: t.chunks.pop()
)
edited("malformedTable", "chunks-none", sections=lambda s: s.update(CHNK=b""))
edited(
    "malformedTable", "chunk-offset-not-aligned", lambda: small(alignment=256), tables=assign("chunks[0].padding", b"")
)
edited(
    "malformedTable", "chunk-padding-of-a-whole-unit", lambda: small(alignment=16), tables=lambda t: _pad_chunk(t, 16)
)
edited("malformedTable", "chunks-unsorted", tables=lambda t: _swap_chunks(t))
edited("unknownCodec", "codec-4", tables=assign("chunks[2].codec", 4))
edited("unknownCodec", "codec-255", tables=assign("chunks[0].codec", 255))


def _shift_data(header: w.Header, change: int) -> None:
    header.data = header.data[:change] if change < 0 else header.data + bytes(change)


def _pad_chunk(tables: w.Tables, unit: int) -> None:
    first = tables.chunks[0]
    first.padding = bytes(-len(first.encoded) % unit + unit)


def _swap_chunks(tables: w.Tables) -> None:
    """The second chunk lies before the first."""
    tables.chunks[0].offset, tables.chunks[1].offset = 32, 0


# Chunks that do not decode. The tensor's digest is that of the bytes that a careless reader would find.


def chunk(
    what: str, content: bytes, codec: int, encoded: bytes, dtype: str = "u8", code: str = "malformedChunk"
) -> None:
    shape = (len(content) // w.DTYPES[dtype][1],)
    edited(
        code, what, lambda: Adapter([kept(Tensor(w.OPAQUE, "", dtype, shape, content, [lambda *_: (codec, encoded)]))])
    )


chunk("raw-too-short", noise(20, "raw"), 0, noise(20, "raw")[:19])
chunk("constant-of-two-elements", b"\1\2" * 2 * 5, 1, b"\1\2\1\2", "f16")
chunk("constant-of-half-an-element", bytes(40), 1, b"\0\0", "f32")
edited(
    "malformedChunk",
    "padding-not-zero",
    lambda: small(alignment=16),
    tables=assign("chunks[0].padding", b"\0\0\0\0\0\0\0\1"),
)

half = w.join_planes([smooth(200, "first", 2), smooth(200, "second", 2)], "f16")
first, second = (w.zstd(plane) for plane in w.split_planes(half, "f16"))
lengths = words(3, len(first), len(second))
good = b"\x0a" + lengths + first + second
if w.planes()(half, "f16") != (2, good):
    raise ValueError("the planes are not what the cases below change")
byte_plane = smooth(200, "first", 2)
for what, encoded in (
    ("mode-3", b"\x0b" + lengths[3:] + first + second),
    ("mode-3-of-second", b"\x0e" + lengths[:3] + first + second),
    ("spare-bits", b"\x1a" + good[1:]),
    ("spare-high-bits", b"\x8a" + good[1:]),
    ("modes-alone", b"\x0a"),
    ("lengths-cut", b"\x0a" + lengths[:5]),
    ("length-beyond-end", b"\x0a" + words(3, len(first), len(second) + 1) + first + second),
    ("length-too-short", b"\x0a" + words(3, len(first) - 1, len(second)) + first[:-1] + second),
    ("length-0", b"\x0a" + words(3, 0, len(second)) + second),
    (
        "length-of-a-plane",
        b"\x0a"
        + words(3, 200, len(second))
        + w.hand_frame(w.raw_block(byte_plane[:188]), 200, 1)[:200].ljust(200, b"\0")
        + second,
    ),
    ("byte-left-over", good + b"\0"),
    ("last-byte-missing", good[:-1]),
    ("raw-cut", b"\x09" + lengths[3:] + second + byte_plane[:199]),
    ("constant-missing", b"\x02" + lengths[:3] + first),
    (
        "frame-of-another-size",
        b"\x0a" + words(3, len(first), len(w.zstd(byte_plane[:199]))) + first + w.zstd(byte_plane[:199]),
    ),
    ("two-frames", b"\x0a" + words(3, len(first), 2 * len(w.zstd(bytes(100)))) + first + 2 * w.zstd(bytes(100))),
):
    chunk(f"planes-{what}", half, 2, encoded, "f16")
# A frame exactly as long as its plane: it decodes, but raw would have done.
n = 40
equal = w.hand_frame(w.raw_block(noise(24, "e"), False) + w.rle_block(0, 16), n, 1)
chunk(
    "planes-frame-as-long-as-its-plane",
    w.join_planes([noise(24, "e") + bytes(16), bytes(n)], "f16"),
    2,
    b"\x02" + words(3, len(equal)) + equal.ljust(n, b"\0") + b"\0",
    "f16",
)
chunk("planes-spare-bits-of-one-byte", byte_plane, 2, b"\x06" + words(3, len(first)) + first)

letters = smooth(300, "letters")
frame = w.zstd(letters)
half_frame = w.zstd(letters[:150])
skippable = bytes.fromhex("502A4D18") + b"\4\0\0\0" + b"skip"
run = w.rle_block(7, 300)
for what, encoded in (
    ("two-frames", half_frame + w.zstd(letters[150:])),
    ("two-frames-of-which-one-is-empty", frame + w.zstd(b"")),
    ("skippable-before", skippable + frame),
    ("skippable-after", frame + skippable),
    ("skippable-alone", skippable),
    ("byte-after", frame + b"\0"),
    ("byte-before", b"\0" + frame),
    ("last-byte-missing", frame[:-1]),
    ("header-cut", frame[:5]),
    ("magic-alone", frame[:4]),
    ("magic-missing", frame[4:]),
    ("wrong-magic", bytes.fromhex("27B52FFD") + frame[4:]),
    ("content-size-missing", w.hand_frame(run, None, window=0)),
    ("content-size-less", w.hand_frame(run, 299, 2)),
    ("content-size-more", w.hand_frame(run, 301, 2)),
    ("content-size-huge", w.hand_frame(run, 2**63, 8)),
    ("content-shorter-than-stated", w.hand_frame(w.rle_block(7, 299), 300, 2)),
    ("content-longer-than-stated", w.hand_frame(w.rle_block(7, 301), 300, 2)),
    ("bomb-in-a-frame", w.hand_frame(w.rle_block(7, 1 << 17, False) * 8 + w.rle_block(7, 1 << 17), 300, 2)),
    ("dictionary", w.hand_frame(run, 300, 2, dictionary=b"\1")),
    ("dictionary-of-4-bytes", w.hand_frame(run, 300, 2, dictionary=b"\0\0\0\1")),
    ("window-9-mebibytes", w.hand_frame(run, 300, 2, window=13 << 3 | 1)),
    ("window-of-terabytes", w.hand_frame(run, 300, 2, window=0xFF)),
    ("reserved-bit", w.hand_frame(run, 300, 2, reserved=1)),
    ("reserved-block-type", w.hand_frame((300 << 3 | 7).to_bytes(3, "little") + b"\7", 300, 2)),
    ("no-last-block", w.hand_frame(w.rle_block(7, 300, False), 300, 2)),
    ("checksum-wrong", w.zstd(letters, checksum=True)[:-1] + b"\0"),
    ("checksum-cut", w.zstd(letters, checksum=True)[:-2]),
    ("raw-block-cut", w.hand_frame(w.raw_block(letters[:280]), 300, 2)[:-10]),
    ("corrupted", frame[: len(frame) // 2] + bytes([frame[len(frame) // 2] ^ 0xFF]) + frame[len(frame) // 2 + 1 :]),
):
    chunk(f"zstd-{what}", letters, 3, encoded)

# zstd blocks with bad code tables. 400 bytes are expected, or 200,000 where a block holds too much.

symbols, many = smooth(400, "symbols"), smooth(200_000, "symbols")
# A tree of the symbols 0 and 1 with a bit for each, directly: one weight of 1, the other follows.
tree = b"\x80\x10"
for what, content, section in (
    # 1, 2, 2: the three lack 3 of the 8 parts of a tree, which no one weight is.
    ("huffman-weights-without-a-last", symbols, w.literals(2, 400, b"\x82\x12\x20" + bytes(60) + b"\x80")),
    ("huffman-weights-all-0", symbols, w.literals(2, 400, b"\x81\x00" + bytes(60) + b"\x80")),
    # Codes of 12 bits, one more than there may be.
    ("huffman-weight-12", symbols, w.literals(2, 400, b"\x80\xc0" + bytes(60) + b"\x80")),
    ("huffman-weight-15-oversubscribes", symbols, w.literals(2, 400, b"\x81\xff" + bytes(60) + b"\x80")),
    # Weights by FSE, whose table has at most 6 bits: the low four bits of its first byte are 5 less.
    ("huffman-weights-accuracy-7", symbols, w.literals(2, 400, b"\x06\x02\xff\xff\xff\xff\xff" + bytes(60) + b"\x80")),
    ("huffman-weights-accuracy-20", symbols, w.literals(2, 400, b"\x06\x0f\xff\xff\xff\xff\xff" + bytes(60) + b"\x80")),
    ("huffman-tree-longer-than-section", symbols, w.literals(2, 400, b"\xff\x11\x11\x11")),
    ("huffman-tree-missing", symbols, w.literals(3, 400, bytes(60) + b"\x80")),
    ("huffman-stream-without-end", symbols, w.literals(2, 400, tree + bytes(50) + b"\x00")),
    ("huffman-stream-too-short", symbols, w.literals(2, 400, tree + bytes(20) + b"\x80")),
    ("huffman-jump-table-beyond-block", symbols, w.literals(2, 400, tree + b"\xff\xff" * 3 + bytes(60) + b"\x80", 4)),
    ("huffman-jump-table-cut", symbols, w.literals(2, 400, tree + b"\x01\x00", 4)),
    ("literals-of-131073-bytes", many, w.literals(1, (1 << 17) + 1, b"\7")),
    ("literals-of-131073-coded-bytes", many, w.literals(2, (1 << 17) + 1, tree + b"\x01\x00" * 3 + b"\1" * 4, 4)),
    ("literals-beyond-block", symbols, w.literals(0, 400, symbols[:300])),
    # One sequence whose three tables are FSE; the first has 20 bits where it may have 9.
    ("sequences-accuracy-20", symbols, w.literals(1, 400, b"\7")[:-1] + b"\1\xa8\x0f" + b"\xff" * 20 + b"\x80"),
    ("sequences-tables-repeated-first", symbols, w.literals(1, 400, b"\7")[:-1] + b"\1\xfc" + b"\xff" * 20 + b"\x80"),
    ("sequences-offset-before-start", symbols, w.literals(1, 397, b"\7")[:-1] + b"\1\x54\0\1\0\2"),
):
    framed = w.hand_frame(w.compressed_block(section), len(content), 4)
    chunk(f"zstd-{what}", content, 3, framed)
    flags, lengths = b"\2", len(framed).to_bytes(3, "little")
    chunk(f"planes-{what}", content, 2, flags + lengths + framed)

# Metadata


def document(code: str, what: str, raw: bytes, section: str = "meta") -> None:
    modules = [kept(tensor(w.PARAMETER, "weight", "u8", (5,)))]
    edited(code, f"{section}-{what}", lambda: Adapter(modules, **{section: raw}))


def behaviour(what: str, raw: bytes, code: str = "malformedMetadata") -> None:
    """A document that is right but for the one value."""
    document(code, what, b"\xa1" + w.cbor("behaviour") + b"\xa1" + w.cbor("x") + raw)


behaviour("integer-not-shortest", b"\x18\x17")
behaviour("integer-not-shortest-64", b"\x1b" + words(1, 0, 0, 0, 0, 255, 255, 255, 255))
behaviour("integer-2-63", b"\x1b\x80" + bytes(7))
behaviour("integer-below-minus-2-63", b"\x3b\x80" + bytes(7))
behaviour("text-length-not-shortest", b"\x78\x01a")
behaviour("text-indefinite", b"\x7f\x61a\xff")
behaviour("text-not-utf-8", b"\x62\xc3\x28")
behaviour("text-surrogate", b"\x63\xed\xa0\x80")
behaviour("text-cut", b"\x62a")
behaviour("text-length-huge", b"\x7b" + b"\xff" * 8)
behaviour("bytes", b"\x41a")
behaviour("array-indefinite", b"\x9f\xff")
behaviour("array-count-huge", b"\x9b\x7f" + b"\xff" * 7)
behaviour("array-count-not-shortest", b"\x98\x01\x00")
behaviour("array-cut", b"\x82\x01")
behaviour("map-indefinite", b"\xbf\xff")
behaviour("map-count-huge", b"\xbb" + b"\xff" * 8)
behaviour("map-key-integer", b"\xa1\x01\x01")
behaviour("map-key-null", b"\xa1\xf6\x01")
behaviour("map-keys-twice", b"\xa2\x61a\x01\x61a\x01")
behaviour("map-keys-unsorted", b"\xa2\x61b\x01\x61a\x01")
behaviour("map-keys-in-order-of-letters", b"\xa2\x62aa\x01\x61b\x01")
behaviour("map-without-last-value", b"\xa1\x61a")
behaviour("tag", b"\xc1\x00")
behaviour("undefined", b"\xf7")
behaviour("simple-value-19", b"\xf3")
behaviour("simple-value-32", b"\xf8\x20")
behaviour("simple-value-false-in-two-bytes", b"\xf8\x14")
behaviour("break", b"\xff")
behaviour("reserved-information", b"\x1c")
behaviour("half-as-single", b"\xfa\x3f\x80\x00\x00")
behaviour("half-as-double", b"\xfb\x3f\xf0" + bytes(6))
behaviour("subnormal-half-as-single", b"\xfa" + struct.pack(">f", 2.0**-24))
behaviour("single-as-double", b"\xfb" + struct.pack(">d", 65505.0))
behaviour("infinity-as-single", b"\xfa\x7f\x80\x00\x00")
behaviour("negative-zero-as-double", b"\xfb\x80" + bytes(7))
behaviour("nan-as-single", b"\xfa\x7f\xc0\x00\x00")
behaviour("nan-with-payload", b"\xf9\x7e\x01")
behaviour("nan-negative", b"\xf9\xfe\x00")
behaviour("nan-as-double", b"\xfb\x7f\xf8" + bytes(6))
behaviour("float-cut", b"\xfb\x3f\xf0")
# The outermost map and `behaviour` are two levels.
behaviour("17-levels", b"\x81" * 14 + b"\x80", "limitExceeded")
behaviour("17-levels-of-maps", b"\xa1\x61a" * 14 + b"\xa0", "limitExceeded")
behaviour("1000-levels", b"\x81" * 1000 + b"\x80", "limitExceeded")
document("malformedMetadata", "empty", b"")
document("malformedMetadata", "array", b"\x80")
document("malformedMetadata", "null", b"\xf6")
document("malformedMetadata", "two-maps", b"\xa0\xa0")
document("malformedMetadata", "byte-after", w.cbor({"base": {"name": "n"}}) + b"\0")
for what, meta in (
    ("unknown-key", {"bases": {"name": "n"}}),
    ("base-unknown-key", {"base": {"name": "n", "path": "p"}}),
    ("base-text", {"base": "n"}),
    ("base-null", {"base": None}),
    ("base-empty", {"base": {}}),
    ("base-name-integer", {"base": {"name": 1}}),
    ("base-revision-null", {"base": {"revision": None}}),
    ("base-digest-short", {"base": {"digest": "sha256:" + "a" * 63}}),
    ("base-digest-upper-case", {"base": {"digest": "sha256:" + "A" * 64}}),
    ("base-digest-other-hash", {"base": {"digest": "sha512:" + "a" * 64}}),
    ("base-digest-without-hash", {"base": {"digest": "a" * 64}}),
    ("base-digest-line-end", {"base": {"digest": "sha256:" + "a" * 64 + "\n"}}),
    ("behaviour-array", {"behaviour": []}),
    ("behaviour-empty", {"behaviour": {}}),
):
    document("malformedMetadata", what, w.cbor(meta))
for what, note in (
    ("not-a-map", []),
    ("empty", {}),
    ("message-integer", {"message": 1}),
    ("license-null", {"license": None}),
    ("labels-array", {"labels": ["a"]}),
    ("label-integer", {"labels": {"a": 1}}),
    ("source-text", {"source": "peft"}),
    ("source-without-layout", {"source": {"configuration": {}}}),
    ("source-without-configuration", {"source": {"layout": "peft"}}),
    ("file-metadata-integer", {"source": {"layout": "peft", "configuration": {}, "fileMetadata": {"a": 1}}}),
):
    document("malformedMetadata", what, w.cbor(note), "note")
document("malformedMetadata", "not-canonical", b"\xa1\x61z\x18\x01", "note")
document("malformedMetadata", "cut", b"\xa1\x61z", "note")
parent = {"digest": "sha256:" + "a" * 64, "contentRoot": "sha256:" + "b" * 64, "role": "input"}
certified = {"name": "a", "rank": 2, "deltaNorm": 1.0, "truncationError": 0.0, "largestDroppedSingularValue": 0.0}
for what, change in (
    ("without-operation", {"operation": None}),
    ("operation-integer", {"operation": 1}),
    ("options-array", {"options": []}),
    ("parents-map", {"parents": {}}),
    ("parent-text", {"parents": ["sha256"]}),
    ("parent-without-root", {"parents": [{"digest": parent["digest"], "role": "input"}]}),
    ("parent-digest-short", {"parents": [{**parent, "digest": "sha256:aa"}]}),
    ("parent-weight-text", {"parents": [{**parent, "weight": "1"}]}),
    ("certificate-array", {"certificate": []}),
    ("certificate-without-rounding-error", {"certificate": {"modules": [certified]}}),
    ("certificate-rank-fraction", {"certificate": {"modules": [{**certified, "roundingError": 0.0, "rank": 1.5}]}}),
):
    changed = {key: value for key, value in {**PROVENANCE, **change}.items() if value is not None}
    document("malformedMetadata", what, w.cbor(changed), "provenance")
document("malformedMetadata", "not-canonical", w.cbor({**PROVENANCE, "options": w.Raw(b"\xbf\xff")}), "provenance")

# Signatures


def signatures(what: str, change: Callable[[list[dict]], list | dict | bytes]) -> None:
    """Two good signatures, changed."""

    def made(root: bytes) -> list | dict | bytes:
        return change(signing.signed(ED25519.sign(root), P256.sign(root, "2096-12-31")))

    edited("malformedSignature", what, lambda: small(signatures=made))


def entry(what: str, **change) -> None:
    """The first signature with some members changed, or left out where they are None."""

    def changed(array: list[dict]) -> list:
        first = {key: value for key, value in {**array[0], **change}.items() if value is not None}
        return [first, *array[1:]]

    signatures(what, changed)


signatures("empty", lambda array: [])
signatures("map", lambda array: array[0])
signatures("text", lambda array: w.cbor("signature"))
signatures("no-bytes", lambda array: b"")
signatures("entry-not-a-map", lambda array: [array[0]["key"]])
signatures("keys-twice", lambda array: [array[0], array[0]])
signatures("keys-unsorted", lambda array: array[::-1])
signatures("65-entries", lambda array: [{**array[0], "key": f"sha256:{number:064x}"} for number in range(65)])
signatures("byte-after", lambda array: w.cbor(array) + b"\0")
signatures("last-byte-missing", lambda array: w.cbor(array)[:-1])
signatures("array-length-not-shortest", lambda array: b"\x98\2" + w.cbor(array)[1:])
signatures("array-indefinite", lambda array: b"\x9f" + w.cbor(array)[1:] + b"\xff")
signatures("members-unsorted", lambda array: [w.Raw(b"\xa3" + b"".join(map(w.cbor, _backwards(array[0]))))])
signatures("nested-too-deep", lambda array: b"\x81" * 1000 + b"\x80")
entry("key-missing", key=None)
entry("algorithm-missing", algorithm=None)
entry("signature-missing", signature=None)
entry("member-unknown", comment="")
entry("algorithm-unknown", algorithm="ed448")
entry("algorithm-upper-case", algorithm="Ed25519")
entry("algorithm-number", algorithm=1)
entry("key-upper-case", key=f"sha256:{'A' * 64}")
entry("key-short", key=f"sha256:{'0' * 63}")
entry("key-without-hash", key="0" * 64)
entry("key-line-end", key=f"sha256:{'0' * 64}\n")
entry("signature-63-bytes", signature="00" * 63)
entry("signature-65-bytes", signature="00" * 65)
entry("signature-upper-case", signature="AA" * 64)
entry("signature-not-hexadecimal", signature="zz" * 64)
entry("expires-number", expires=2096)
entry("expires-null", expires=w.Raw(b"\xf6"))
for date in ("2097-02-29", "2096-13-01", "2096-00-10", "2096-01-00", "1969-12-31", "96-01-01", "2096-1-01", "2096-01-01Z"):
    entry(f"expires-{date.lower()}", expires=date)


def _backwards(entry: dict) -> list:
    return [part for key in ("signature", "key", "algorithm") for part in (key, entry[key])]


edited("malformedHeader", "sign-in-header", lambda: small(header_extra=[("SIGN", w.cbor([ED25519.sign(bytes(32))]))]))
edited("limitExceeded", "sign-65537", lambda: small(signatures=lambda root: bytes(65537)))
edited(
    "digestMismatch",
    "section-sign",
    lambda: small(signatures=lambda root: [ED25519.sign(root)]),
    header=lambda header: setattr(header.entries[-1], "digest", bytes(32)),
)

# Digests


def flipped(offset: Callable[[bytes], int], sealed: bool = True) -> Callable[[], bytes]:
    def make() -> bytes:
        file = bytearray(whole)
        file[offset(whole)] ^= 1
        return w.reseal(file) if sealed else bytes(file)

    return make


def number(file: bytes, offset: int) -> int:
    return int.from_bytes(file[offset : offset + 8], "little")


add("digestMismatch", "header", flipped(lambda file: 96, sealed=False))
add("digestMismatch", "header-write-version", lambda: whole[:9] + b"\2" + whole[10:])
add("digestMismatch", "data", flipped(lambda file: number(file, 24), sealed=False))
add("digestMismatch", "last-byte", flipped(lambda file: len(file) - 1, sealed=False))
add("digestMismatch", "content-root", flipped(lambda file: 64))
edited("digestMismatch", "content-root-of-nothing", lambda: Adapter([]), header=assign("content_root", w.sha256(b"")))
for index, tag in enumerate(("meta", "name", "modl", "tens", "chnk", "note", "provenance")):
    edited("digestMismatch", f"section-{tag}", header=assign(f"entries[{index}].digest", bytes(32)))
edited("digestMismatch", "section-unknown-in-header", extras, header=assign("entries[5].digest", bytes(32)))
edited("digestMismatch", "section-unknown-trailing", extras, header=assign("entries[10].digest", bytes(32)))
edited("digestMismatch", "chunk", tables=assign("chunks[1].digest", w.sha256(b"other")))
edited("digestMismatch", "chunk-without-padding", lambda: small(alignment=256), tables=lambda t: _bare_digest(t))
edited(
    "digestMismatch",
    "chunk-without-prefix",
    tables=lambda t: setattr(t.chunks[0], "digest", w.sha256(t.chunks[0].encoded)),
)
edited("digestMismatch", "tensor", tables=lambda t: setattr(t.tensors[2], "digest", bytes(32)))
edited("digestMismatch", "tensor-other-content", tables=lambda t: setattr(t.chunks[2], "encoded", b"other"))
edited("digestMismatch", "tensor-root-without-prefix", tables=lambda t: _leaf_without_prefix(t))
edited("digestMismatch", "tensor-role", digests=assign("tensors[2].role", w.OPAQUE))
edited("digestMismatch", "tensor-dtype", digests=assign("tensors[2].dtype", 6))
edited(
    "digestMismatch",
    "tensor-shape",
    digests=assign_all(("tensors[2].extents", [1, 5, 0, 0, 0, 0]), ("tensors[2].d", 2)),
)
edited(
    "digestMismatch",
    "module-alpha",
    sections=lambda s: s.update(MODL=s["MODL"][:24] + struct.pack("<d", 5) + s["MODL"][32:]),
)
edited(
    "digestMismatch",
    "module-alpha-sign-of-zero",
    lambda: Adapter([linear(alpha=0.0)]),
    sections=lambda s: s.update(MODL=s["MODL"][:24] + struct.pack("<d", -0.0)),
)
edited("digestMismatch", "module-scaling-rule", sections=lambda s: s.update(MODL=s["MODL"][:5] + b"\1" + s["MODL"][6:]))
edited("digestMismatch", "module-name", sections=names(lambda raw: raw.replace(b"ab", b"ac")))
edited(
    "digestMismatch", "meta-other-base", sections=lambda s: s.update(META=w.cbor({"base": {"name": "example/case"}}))
)
edited(
    "digestMismatch",
    "empty-tensor",
    lambda: Adapter([kept(Tensor(w.OPAQUE, "", "u8", (0,), b"", []))]),
    tables=assign("tensors[0].digest", w.sha256(b"")),
)


def _bare_digest(tables: w.Tables) -> None:
    tables.chunks[0].digest = w.sha256(b"\0" + tables.chunks[0].encoded)


def _leaf_without_prefix(tables: w.Tables) -> None:
    tables.tensors[2].leaves = [w.sha256(tables.chunks[2].encoded)]
