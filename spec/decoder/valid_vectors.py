"""The valid test vectors: each has one name, one file, and the values that a decoder must find in it."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
import struct
from collections.abc import Callable

import signing
import writer as w
from writer import A, B, Adapter, Module, Tensor

FEW = 64
VECTORS: list[tuple[str, Callable[[], Adapter]]] = []


def vector(make: Callable[[], Adapter]) -> Callable[[], Adapter]:
    VECTORS.append((make.__name__.strip("_").replace("_", "-"), make))
    return make


def noise(count: int, seed: str) -> bytes:
    """Bytes without structure."""
    return random.Random(seed).randbytes(count)


def smooth(count: int, seed: str, letters: int = 3) -> bytes:
    """Bytes that compress well: a few values, in no order."""
    generator = random.Random(seed)
    return bytes(generator.choice(range(7, 7 + letters)) for _ in range(count))


def f32(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def words(width: int, *values: int) -> bytes:
    return b"".join(value.to_bytes(width, "little") for value in values)


def size(dtype: str, shape: tuple[int, ...]) -> int:
    count = w.DTYPES[dtype][1]
    for extent in shape:
        count *= extent
    return count


def tensor(role: int, name: str, dtype: str, shape: tuple[int, ...], codecs=w.raw, data: bytes | None = None) -> Tensor:
    return Tensor(role, name, dtype, shape, data or noise(size(dtype, shape), f"{role} {name} {shape}"), codecs)


def pair(a: tuple[int, ...], b: tuple[int, ...], dtype: str = "f32", codecs=w.raw) -> list[Tensor]:
    return [tensor(A, "", dtype, a, codecs), tensor(B, "", dtype, b, codecs)]


def linear(name: str = "model.layers.0.q_proj", alpha: float = 4.0, rank: int = 2, **others) -> Module:
    return Module(name, w.LINEAR, rank, alpha, pair((rank, 3), (4, rank)), **others)


def kept(*tensors: Tensor, name: str = "") -> Module:
    return Module(name, w.NONE, 0, 0.0, list(tensors))


SPECIAL = {
    # zeros, ones, subnormals, largest, infinities, NaNs quiet and signalling with payloads
    "f32": words(4, 0, 0x80000000, 0x3F800000, 0xBF800000, 1, 0x807FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF)
    + words(4, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F800001, 0xFFBFFFFF, 0x7FFFFFFF, 0x3EAAAAAB),
    "f16": words(2, 0, 0x8000, 0x3C00, 0xBC00, 1, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0xFE01)
    + words(2, 0x7C01, 0xFDFF, 0x7FFF, 0x3555),
    "bf16": words(2, 0, 0x8000, 0x3F80, 0xBF80, 1, 0x807F, 0x0080, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0, 0xFFC1)
    + words(2, 0x7F81, 0xFFBF, 0x7FFF, 0x3EAB),
    "f8_e4m3": bytes([0, 0x80, 0x38, 0xB8, 1, 0x87, 8, 0x7E, 0xFE, 0x7F, 0xFF, 0x78, 0x79]),
    "f8_e5m2": bytes([0, 0x80, 0x3C, 0xBC, 1, 0x83, 4, 0x7B, 0xFB, 0x7C, 0xFC, 0x7D, 0xFE, 0x7F]),
    "i8": bytes([0, 1, 0xFF, 0x7F, 0x80]),
    "u8": bytes([0, 1, 0xFF, 0x7F, 0x80]),
    "i32": words(4, 0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x01020304),
}


# Data types


@vector
def dtypes_raw() -> Adapter:
    return Adapter(
        [
            kept(
                *[
                    tensor(w.OPAQUE, dtype, dtype, (len(data) // w.DTYPES[dtype][1],), data=data)
                    for dtype, data in SPECIAL.items()
                ]
            )
        ]
    )


@vector
def dtypes_constant() -> Adapter:
    """Every special value of every type, each as a tensor of three equal elements."""
    tensors = []
    for dtype, data in SPECIAL.items():
        step = w.DTYPES[dtype][1]
        for start in range(0, len(data), step):
            element = data[start : start + step]
            tensors.append(tensor(w.OPAQUE, f"{dtype}.{element[::-1].hex()}", dtype, (3,), w.constant, element * 3))
    return Adapter([kept(*tensors)])


@vector
def dtypes_planes() -> Adapter:
    tensors = []
    for dtype, data in SPECIAL.items():
        count = len(data) // w.DTYPES[dtype][1]
        tensors.append(tensor(w.OPAQUE, f"{dtype}", dtype, (40, count), w.planes(), data * 40))
    return Adapter([kept(*tensors)])


@vector
def dtypes_zstd() -> Adapter:
    tensors = []
    for dtype, data in SPECIAL.items():
        count = len(data) // w.DTYPES[dtype][1]
        tensors.append(tensor(w.OPAQUE, f"{dtype}", dtype, (40, count), w.zstd_codec(), data * 40))
    return Adapter([kept(*tensors)])


def block(scale: int, *codes: int) -> bytes:
    """A block of q8: the bits of its scale and 32 codes, those that are left out not 0."""
    return words(2, scale) + bytes(code & 0xFF for code in (*codes, *[99] * (32 - len(codes))))


@vector
def dtypes_q8() -> Adapter:
    """Scales of every kind, codes at both ends, codes beyond the last element, blocks cut by chunks; in all codecs."""
    ramp = (-128, -127, -1, 0, 1, 126, 127)
    scales = {
        "one": 0x3C00,
        "negative": 0xBC01,
        "zero": 0,
        "negative-zero": 0x8000,
        "subnormal": 1,
        "largest": 0x7BFF,
        "infinite": 0x7C00,
        "negative-infinite": 0xFC00,
        "nan": 0x7E00,
        "nan-signalling": 0xFD01,
    }
    few = [(name, (len(ramp),), block(bits, *ramp)) for name, bits in scales.items()]
    few.append(("two-blocks", (5, 9), block(0x3800, *range(-16, 16)) + block(0xB800, *range(13))))
    few.append(("whole-block", (2, 16), block(0x2E66, *range(-128, -96))))
    tensors = [tensor(w.OPAQUE, name, "q8", shape, data=data) for name, shape, data in few]
    # Where all bytes are the same, the scale is made of two codes.
    tensors.append(tensor(w.OPAQUE, "constant", "q8", (64,), w.constant, b"\x3c" * 68))
    tensors.append(tensor(w.OPAQUE, "constant-one-element", "q8", (1,), w.constant, b"\x80" * 34))
    repeated = block(0x3555, *ramp) * 40
    for name, make in (("planes", w.planes()), ("zstd", w.zstd_codec())):
        tensors.append(tensor(w.OPAQUE, name, "q8", (40 * 32 - 25,), make, repeated))
    # 30,840 blocks and 16 bytes of the next are a chunk.
    for name, makes, blocks in (
        ("cut.raw", [w.zstd_codec(), w.raw], 30_841),
        ("cut.planes", [w.planes(), w.planes()], 30_900),
        ("cut.zstd", [w.planes(), w.zstd_codec()], 30_900),
    ):
        many = block(0x3555, *ramp) * blocks + block(0xC000, 5, 6, 7)
        tensors.append(tensor(w.OPAQUE, name, "q8", (blocks * 32 + 3,), makes, many))
    return Adapter([kept(*tensors)])


@vector
def f8_every_bit_pattern() -> Adapter:
    shape, data = (4, 64), bytes(range(256))
    blocks = [data[start : start + 64] for start in range(0, 256, 64)]
    return Adapter(
        [
            kept(
                *[
                    tensor(w.OPAQUE, f"{dtype}.{index}", dtype, (64,), data=block)
                    for dtype in ("f8_e4m3", "f8_e5m2")
                    for index, block in enumerate(blocks)
                ],
                *[tensor(w.OPAQUE, dtype, dtype, shape, data=data) for dtype in ("f8_e4m3", "f8_e5m2", "i8", "u8")],
            )
        ]
    )


# Planes


def with_modes(dtype: str, modes: str, count: int) -> Tensor:
    contents = {"c": lambda seed: noise(1, seed) * count, "r": lambda seed: noise(count, seed)}
    contents["z"] = lambda seed: smooth(count, seed)
    seeds = [f"{dtype} {modes} {index}" for index in range(len(modes))]
    data = w.join_planes([contents[mode](seed) for mode, seed in zip(modes, seeds)], dtype)
    return tensor(w.OPAQUE, f"{dtype}.{modes}", dtype, (count,), w.planes(modes), data)


@vector
def planes_of_one_byte() -> Adapter:
    """i8, u8 and the 8-bit floats: one plane; raw would be longer than the chunk."""
    return Adapter(
        [kept(*[with_modes(dtype, mode, 200) for dtype in ("f8_e4m3", "f8_e5m2", "i8", "u8") for mode in "z"])]
    )


@vector
def planes_of_two_bytes() -> Adapter:
    """Each combination of modes, but raw and raw, which would be longer than the chunk."""
    modes = ["".join(both) for both in itertools.product("crz", repeat=2)]
    return Adapter(
        [kept(*[with_modes(dtype, both, 200) for dtype in ("f16", "bf16") for both in modes if both != "rr"])]
    )


@vector
def planes_of_four_bytes() -> Adapter:
    modes = ["".join(all_four) for all_four in itertools.product("crz", repeat=4)]
    return Adapter([kept(*[with_modes(dtype, m, 100) for dtype in ("f32", "i32") for m in modes[::2] if m != "rrrr"])])


@vector
def planes_smallest() -> Adapter:
    """Two elements: three bytes for four (both planes constant, but not as one element would be after rotation)."""
    return Adapter(
        [
            kept(
                tensor(w.OPAQUE, "f16", "f16", (2,), w.planes("cc"), words(2, 0x3C01, 0x3C01)),
                tensor(w.OPAQUE, "f32", "f32", (1, 2), w.planes("cccr"), words(4, 0x3F800001, 0x3F800002)),
                tensor(w.OPAQUE, "i32", "i32", (2,), w.planes("cccr"), words(4, 258, 259)),
                tensor(w.OPAQUE, "u8", "u8", (2,), w.planes("c"), b"\x05\x05"),
            )
        ]
    )


@vector
def planes_signs() -> Adapter:
    """Only the signs differ: after the rotation they are the lowest bit of the second plane."""
    generator = random.Random("signs")
    signs = [generator.getrandbits(1) for _ in range(200)]
    return Adapter(
        [
            kept(
                tensor(
                    w.OPAQUE, "f32", "f32", (200,), w.planes("czcc"), words(4, *[0x3FC00000 | s << 31 for s in signs])
                ),
                tensor(w.OPAQUE, "f16", "f16", (200,), w.planes("cz"), words(2, *[0x3E00 | s << 15 for s in signs])),
                tensor(w.OPAQUE, "bf16", "bf16", (200,), w.planes("cz"), words(2, *[0x3FC0 | s << 15 for s in signs])),
                tensor(
                    w.OPAQUE, "i32", "i32", (200,), w.planes("zccc"), words(4, *[0x3FC00000 | s << 31 for s in signs])
                ),
            )
        ]
    )


# zstd frames


@vector
def zstd_frames() -> Adapter:
    """Frames that a plain compressor does not write, but that RFC 8878 and clause 8.9 allow."""
    content = noise(40, "frame") + bytes(260)
    rest = w.rle_block(0, 260)
    blocks = w.raw_block(content[:40], False) + rest
    frames = {
        "size.2": w.hand_frame(blocks, 300, 2),
        "size.4": w.hand_frame(blocks, 300, 4),
        "size.8": w.hand_frame(blocks, 300, 8),
        "unused-bit": w.hand_frame(blocks, 300, 2, unused=1),
        "window-1-KiB": w.hand_frame(blocks, 300, 2, window=0),
        "window-8-MiB": w.hand_frame(blocks, 300, 2, window=13 << 3),
        "dictionary-0": w.hand_frame(blocks, 300, 2, dictionary=b"\0"),
        "split": w.hand_frame(w.raw_block(content[:9], False) + w.raw_block(content[9:40], False) + rest, 300, 2),
        "empty-block": w.hand_frame(w.raw_block(b"", False) + blocks, 300, 2),
        "empty-last-block": w.hand_frame(
            w.raw_block(content[:40], False) + w.rle_block(0, 260, False) + w.raw_block(b""), 300, 2
        ),
    }
    tensors = [
        tensor(w.OPAQUE, name, "u8", (300,), w.zstd_codec(lambda _, frame=frame: frame), content)
        for name, frame in frames.items()
    ]
    short = w.hand_frame(w.rle_block(5, 200), 200, 1)
    tensors.append(tensor(w.OPAQUE, "size.1", "u8", (200,), w.zstd_codec(lambda _: short), b"\5" * 200))
    letters = smooth(700, "levels")
    for level in (1, 3, 19, 22, -5):
        codec = w.zstd_codec(lambda chunk, level=level: w.zstd(chunk, level))
        tensors.append(tensor(w.OPAQUE, f"level.{level}", "u8", (700,), codec, letters))
    checked = w.zstd_codec(lambda chunk: w.zstd(chunk, checksum=True))
    tensors.append(tensor(w.OPAQUE, "checksum", "u8", (700,), checked, letters))
    return Adapter([kept(*tensors)])


# Shapes


@vector
def kind_linear() -> Adapter:
    return Adapter([linear()])


@vector
def kind_linear_planes() -> Adapter:
    data = f32(*[0.01 * (index % 7) for index in range(300)])
    return Adapter(
        [
            Module(
                "proj",
                w.LINEAR,
                3,
                6.0,
                [
                    tensor(A, "", "f32", (3, 100), w.planes(), data),
                    tensor(B, "", "f32", (100, 3), w.constant, bytes(1200)),
                ],
            )
        ]
    )


@vector
def kind_linear_rank_stabilised() -> Adapter:
    return Adapter([linear(rule=1)])


@vector
def kind_transposed_linear() -> Adapter:
    return Adapter([Module("h.0.c_attn", w.TRANSPOSED, 2, 3.0, pair((2, 5), (15, 2)))])


@vector
def kind_convolution() -> Adapter:
    """One, two and three spatial dimensions; four is more than a tensor of six dimensions has room for, and fits."""
    return Adapter(
        [
            Module("conv1", w.CONVOLUTION, 2, 1.0, pair((2, 3, 5), (4, 2, 1))),
            Module("conv2", w.CONVOLUTION, 2, 1.0, pair((2, 3, 3, 3), (4, 2, 1, 1), "f16")),
            Module("conv3", w.CONVOLUTION, 1, 1.0, pair((1, 2, 2, 1, 2), (3, 1, 1, 1, 1), "bf16")),
            Module("conv4", w.CONVOLUTION, 1, 1.0, pair((1, 2, 2, 1, 2, 2), (3, 1, 1, 1, 1, 1), "bf16")),
        ]
    )


@vector
def kind_convolution_grouped() -> Adapter:
    return Adapter(
        [
            Module("depthwise", w.CONVOLUTION, 4, 8.0, pair((4, 8, 3, 3), (8, 1, 1, 1))),
            Module("grouped", w.CONVOLUTION, 6, 8.0, pair((6, 4, 3, 3), (8, 3, 1, 1))),
        ]
    )


@vector
def kind_embedding() -> Adapter:
    rows = tensor(w.ROWS, "trainable_tokens_delta", "f32", (2, 4))
    return Adapter([Module("embed_tokens", w.EMBEDDING, 2, 4.0, pair((2, 9), (4, 2)) + [rows])])


@vector
def kind_experts() -> Adapter:
    return Adapter([Module("mlp.experts", w.EXPERTS, 2, 4.0, pair((3, 2, 5), (3, 7, 2), "bf16"))])


@vector
def kind_none() -> Adapter:
    return Adapter(
        [
            kept(tensor(w.PARAMETER, "weight", "f32", (3, 4)), tensor(w.BASE_BIAS, "bias", "f32", (3,)), name="score"),
            kept(tensor(w.PARAMETER, "weight", "bf16", (4,)), name="norm"),
            kept(tensor(w.OPAQUE, "free", "f32", (1,))),
        ]
    )


@vector
def kinds_together() -> Adapter:
    return Adapter(
        [
            linear("a.linear"),
            Module("b.transposed", w.TRANSPOSED, 2, 3.0, pair((2, 5), (15, 2), "f16")),
            Module("c.conv", w.CONVOLUTION, 2, 1.0, pair((2, 3, 5), (4, 2, 1), "bf16"), rule=1),
            Module("d.embedding", w.EMBEDDING, 2, 4.0, pair((2, 9), (4, 2), "f8_e4m3")),
            Module("e.experts", w.EXPERTS, 2, 4.0, pair((3, 2, 5), (3, 7, 2), "f8_e5m2")),
            kept(tensor(w.PARAMETER, "weight", "f32", (2, 2)), name="f.none"),
        ]
    )


@vector
def roles() -> Adapter:
    everything = pair((2, 3), (4, 2)) + [
        tensor(w.MAGNITUDE, "lora_magnitude_vector", "f32", (4,)),
        tensor(w.UPDATE_BIAS, "lora_B.bias", "f32", (4,)),
        tensor(w.BASE_BIAS, "bias", "f32", (4,)),
        tensor(w.PARAMETER, "gain", "f32", (4,)),
        tensor(w.PARAMETER, "weight", "f32", (4, 3)),
        tensor(w.ROWS, "rows", "f32", (1, 3)),
        tensor(w.OPAQUE, "alpha", "f32", ()),
        tensor(w.OPAQUE, "beta", "i32", (2,)),
    ]
    return Adapter([Module("all", w.LINEAR, 2, 2.0, everything)])


@vector
def shapes() -> Adapter:
    """Scalars, six dimensions, empty tensors; an empty tensor's other extents may be as large as an extent may be."""
    huge = 1 << 31
    return Adapter(
        [
            kept(
                tensor(w.OPAQUE, "empty", "f32", (0,), [], b""),
                tensor(w.OPAQUE, "empty.huge", "f32", (huge, huge, huge, huge, 0, huge), [], b""),
                tensor(w.OPAQUE, "empty.inner", "bf16", (3, 0, 2), [], b""),
                tensor(w.OPAQUE, "ones", "i8", (1, 1, 1, 1, 1, 1)),
                tensor(w.OPAQUE, "scalar", "f32", (), data=f32(-0.0)),
                tensor(w.OPAQUE, "six", "u8", (1, 2, 1, 3, 1, 2)),
            )
        ]
    )


@vector
def shapes_all_empty() -> Adapter:
    """No chunk and no data at all; the rank is the largest."""
    return Adapter(
        [
            Module(
                "m",
                w.LINEAR,
                65_536,
                1.0,
                [Tensor(A, "", "f32", (65_536, 0), b"", []), Tensor(B, "", "f32", (0, 65_536), b"", [])],
            )
        ]
    )


@vector
def alphas() -> Adapter:
    alphas = [0.0, -0.0, -3.5, 1e308, 5e-324, 0.1, 16.0]
    return Adapter([linear(f"m{index}", alpha) for index, alpha in enumerate(alphas)])


# Chunks and alignment


@vector
def chunks_many() -> Adapter:
    """Three chunks of one tensor in three codecs, and five of another: trees that are not full."""
    three = bytes(w.MIB) + b"\x01\x02\x03\x04" * (w.MIB // 4) + f32(*[1 + (index % 5) for index in range(777)])
    five = b"".join(bytes([byte]) * w.MIB for byte in range(4)) + b"\xff"
    return Adapter(
        [
            kept(
                tensor(w.OPAQUE, "five", "u8", (4 * w.MIB + 1,), w.constant, five),
                tensor(w.OPAQUE, "three", "f32", (len(three) // 4,), [w.constant, w.zstd_codec(), w.planes()], three),
                tensor(w.OPAQUE, "two", "bf16", (2, w.MIB // 2), w.constant, b"\x80\x3f" * w.MIB),
            )
        ]
    )


@vector
def chunks_planes_long() -> Adapter:
    """Frames whose length takes the upper bytes of its three."""
    plane = smooth(300_000, "long", 2)
    data = w.join_planes([bytes(300_000), plane], "bf16")
    return Adapter([kept(tensor(w.OPAQUE, "long", "bf16", (300_000,), w.planes("cz", lambda p: w.zstd(p, 19)), data))])


def aligned(alignment: int) -> Adapter:
    return Adapter(
        [
            linear(),
            kept(
                tensor(w.OPAQUE, "constant", "f32", (9,), w.constant, f32(2.5) * 9),
                tensor(w.OPAQUE, "even", "u8", (4096,), w.zstd_codec(), bytes(4096)),
                tensor(
                    w.OPAQUE,
                    "planes",
                    "f16",
                    (200,),
                    w.planes("rz"),
                    w.join_planes([noise(200, "p"), bytes(200)], "f16"),
                ),
                tensor(w.OPAQUE, "raw", "u8", (256,)),
            ),
        ],
        note={"message": "aligned"},
        provenance=PROVENANCE,
        alignment=alignment,
    )


PROVENANCE = {
    "operation": "merge",
    "toolVersion": "0.1.0",
    "options": {},
    "parents": [],
}


@vector
def alignment_1() -> Adapter:
    return aligned(1)


@vector
def alignment_2() -> Adapter:
    return aligned(2)


@vector
def alignment_256() -> Adapter:
    return aligned(256)


@vector
def alignment_4096() -> Adapter:
    return aligned(4096)


# Names


@vector
def names_unicode() -> Adapter:
    """Names are ordered by bytes: U+FFFD before U+10000, which UTF-16 has the other way; they are not normalised."""
    names = ["caf\u00e9", "cafe\u0302", "\ufffd", "\U00010000", "\u5c42.0", "Z", "a", "a.b", "a b", "\x80\x9f\u2028"]
    return Adapter([linear(name) for name in names])


@vector
def names_long() -> Adapter:
    return Adapter([kept(tensor(w.OPAQUE, "p" * 1024, "u8", (1,)), name="\u00e9" * 512)])


@vector
def names_shared() -> Adapter:
    """One text names a module and a parameter; the empty text a module without a path and the parameters A and B."""
    return Adapter(
        [
            linear("weight"),
            kept(tensor(w.PARAMETER, "weight", "u8", (1,)), tensor(w.OPAQUE, "", "u8", (1,))),
        ]
    )


@vector
def names_empty_module_adapted() -> Adapter:
    """The model itself is the adapted module."""
    return Adapter([linear("")])


@vector
def modules_many() -> Adapter:
    return Adapter(
        [
            Module(f"layers.{index}", w.LINEAR, 1, float(index), pair((1, 1), (1, 1), "i8"), rule=index % 2)
            for index in range(37)
        ]
    )


@vector
def modules_none() -> Adapter:
    return Adapter([])


# Metadata


@vector
def meta_base_name() -> Adapter:
    return Adapter([linear()], {"base": {"name": "example/base"}})


@vector
def meta_base_full() -> Adapter:
    base = {"name": "", "revision": "main", "digest": "sha256:" + "0123456789abcdef" * 4}
    return Adapter([linear()], {"base": base})


@vector
def meta_behaviour() -> Adapter:
    nested: object = "sixteenth"
    for _ in range(14):
        nested = [nested]
    return Adapter(
        [linear()],
        {
            "base": {"name": "na\u00efve\n\u5c42\U0001f600\x00\x7f", "revision": "x" * 3000},
            "behaviour": {
                "": "empty key",
                "deepest": nested,
                "empty": [[], {}, ""],
                "integers": [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1],
                "negative": [-1, -24, -25, -256, -257, -65536, -65537, -(2**32), -(2**32) - 1, -(2**63)],
                "halves": [0.0, -0.0, 1.0, 65504.0, 2.0**-24, -1.5, float("inf"), float("-inf"), float("nan")],
                "singles": [65505.0, 2.0**-25, 3.4028234663852886e38, 2.0**-149, float(2**24 + 2)],
                "doubles": [0.1, 1e300, 5e-324, 2.0**-150, 1 + 2.0**-52],
                "simple": [False, True, None],
                "longer key": 1,
                "zz": 2,
                "maps": {"a": {"b": {"c": 1}}},
                "many": list(range(300)),
                "text of 256": "\u00e9" * 128,
            },
        },
    )


@vector
def meta_behaviour_only() -> Adapter:
    return Adapter([linear()], {"behaviour": {"layer_replication": [[0, 4], [2, 5]]}})


@vector
def note_full() -> Adapter:
    return Adapter(
        [linear()],
        note={
            "message": "trained on tickets\nsecond line",
            "license": "Apache-2.0",
            "labels": {"team": "support", "": "", "\u00fcber": "\U0001f600"},
            "source": {
                "layout": "peft",
                "configuration": {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "init": None, "x": 0.1},
                "fileMetadata": {"format": "pt"},
            },
        },
    )


@vector
def note_unknown_keys() -> Adapter:
    return Adapter([linear()], note={"message": "m", "reviewedBy": ["someone", {"else": None}], "zeal": 1.5})


@vector
def provenance_certificate() -> Adapter:
    parent = {"digest": "sha256:" + "ab" * 32, "contentRoot": "sha256:" + "cd" * 32, "role": "input"}
    return Adapter(
        [linear()],
        {"base": {"name": "example/base"}},
        note={"message": "merged"},
        provenance={
            "operation": "merge",
            "toolVersion": "0.1.0",
            "options": {"method": "exact", "rank": 8, "drop": 0.5, "seed": None},
            "parents": [{**parent, "weight": 0.7}, {**parent, "digest": "sha256:" + "ef" * 32, "weight": -0.3}, parent],
            "certificate": {
                "modules": [
                    {
                        "name": "model.layers.0.q_proj",
                        "rank": 2,
                        "deltaNorm": 1.25,
                        "truncationError": 0.0,
                        "largestDroppedSingularValue": 0.0,
                        "roundingError": 1.1920928955078125e-07,
                    }
                ]
            },
        },
    )


# Sections


@vector
def sections_unknown() -> Adapter:
    return Adapter(
        [linear()],
        note={"message": "between"},
        provenance=PROVENANCE,
        header_extra=[("AAAA", b"not a multiple of eight"), ("0000", b""), ("zzz9", b"\xff")],
        trailing_extra=[("QQQQ", b"trailing"), ("Zz00", b""), ("zzzz", noise(100, "z"))],
    )


@vector
def sections_64() -> Adapter:
    return Adapter([linear()], header_extra=[(f"X{index:03}", b"x") for index in range(59)])


@vector
def version_written_by_later() -> Adapter:
    """A later program wrote it, and says that this version can read it."""
    return Adapter([linear()], write_version=255)


# Signatures. The note holds the public keys, so that a vector can be verified with nothing but itself.


def signed_by(*keys: signing.Key, expires: str | None = None) -> Adapter:
    return Adapter(
        [linear()],
        note={"labels": {key.id: key.pem for key in keys}},
        signatures=lambda root: signing.signed(*[key.sign(root, expires) for key in keys]),
    )


ED25519, P256 = signing.Key("ed25519", "vector"), signing.Key("p256", "vector")


@vector
def signatures_ed25519() -> Adapter:
    return signed_by(ED25519)


@vector
def signatures_p256() -> Adapter:
    return signed_by(P256)


@vector
def signatures_two_keys() -> Adapter:
    adapter = signed_by(ED25519, P256, signing.Key("ed25519", "another"))
    adapter.provenance = PROVENANCE
    return adapter


@vector
def signatures_expires() -> Adapter:
    return signed_by(ED25519, P256, expires="2096-02-29")


@vector
def signatures_64() -> Adapter:
    """As many as there may be; one is enough to be valid, the others only look like signatures."""
    adapter = signed_by(ED25519)
    made_up = [
        {"algorithm": "ed25519", "key": f"sha256:{number:064x}", "signature": f"{number:0128x}"} for number in range(63)
    ]
    adapter.signatures = lambda root: signing.signed(ED25519.sign(root), *made_up)
    return adapter


def describe(adapter: Adapter, file: bytes) -> dict:
    """What a decoder must find, from what the file was made of."""
    modules = []
    for module in sorted(adapter.modules, key=lambda module: module.name.encode()):
        tensors = []
        for t in sorted(module.tensors, key=lambda t: (t.role, t.name.encode())):
            entry = {
                "name": t.name,
                "role": w.ROLES[t.role],
                "dtype": t.dtype,
                "shape": list(t.shape),
                "sha256": hashlib.sha256(t.data).hexdigest(),
            }
            count = math.prod(t.shape)
            if count <= FEW:
                entry["values"] = values(t.data, t.dtype)[:count]
            tensors.append(entry)
        modules.append(
            {
                "name": module.name,
                "kind": w.KINDS[module.kind],
                "scaling": ["alphaOverRank", "alphaOverRootOfRank"][module.rule],
                "rank": module.rank,
                "alpha": module.alpha,
                "tensors": tensors,
            }
        )
    result = {
        "contentRoot": file[64:96].hex(),
        "fileDigest": hashlib.sha256(file).hexdigest(),
        "meta": plain(adapter.meta),
        "modules": modules,
    }
    if adapter.note is not None:
        result["note"] = plain(adapter.note)
    if adapter.provenance is not None:
        result["provenance"] = plain(adapter.provenance)
    if adapter.signatures is not None:
        result["signatures"] = plain(adapter.signatures(file[64:96]))
    return result


# Exponent bits, fraction bits; whether the largest exponent holds infinities.
FLOATS = {
    "f32": (8, 23, True),
    "f16": (5, 10, True),
    "bf16": (8, 7, True),
    "f8_e5m2": (5, 2, True),
    "f8_e4m3": (4, 3, False),
}


def values(raw: bytes, dtype: str) -> list[float | str]:
    """The elements' values; for q8 those of whole blocks."""
    if dtype != "q8":
        step = w.DTYPES[dtype][1]
        return [value(raw[start : start + step], dtype) for start in range(0, len(raw), step)]
    result = []
    for start in range(0, len(raw), 34):
        scale = float(value(raw[start : start + 2], "f16"))
        codes = [value(bytes([code]), "i8") for code in raw[start + 2 : start + 34]]
        result += [plain(scale * code) for code in codes]
    return result


def value(raw: bytes, dtype: str) -> float | str:
    """The element's value by the definition of its type; what JSON has no number for is a text."""
    if dtype not in FLOATS:
        return float(int.from_bytes(raw, "little", signed=dtype != "u8"))
    exponent_bits, fraction_bits, infinities = FLOATS[dtype]
    bits = int.from_bytes(raw, "little")
    fraction = bits & ((1 << fraction_bits) - 1)
    exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1)
    sign = -1.0 if bits >> (exponent_bits + fraction_bits) else 1.0
    bias = (1 << (exponent_bits - 1)) - 1
    if exponent == (1 << exponent_bits) - 1:
        if infinities:
            return "nan" if fraction else ("inf" if sign > 0 else "-inf")
        if fraction == (1 << fraction_bits) - 1:
            return "nan"
    if exponent == 0:
        return sign * fraction * 2.0 ** (1 - bias - fraction_bits)
    return sign * ((1 << fraction_bits) + fraction) * 2.0 ** (exponent - bias - fraction_bits)


def plain(value):
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value, key=lambda key: (len(key.encode()), key.encode()))}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value
