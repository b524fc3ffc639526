#!/usr/bin/env python3
"""Make PEFT folders with the shapes of a Llama-3.1-8B adapter and the statistics of a trained one.

A starts as PEFT initialises it (uniform, Kaiming) and has moved a little; B has grown from zero, each
output row at its own pace. Needs numpy only. The same arguments give the same bytes.

    make_adapters.py OUT --rank 64 --dtype bf16 --layers 32
"""
import argparse
import json
import pathlib
import struct
import zlib

import numpy as np

HIDDEN, KV, MLP = 4096, 1024, 14336
SHAPES = {  # projection: (out, in)
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (KV, HIDDEN),
    "self_attn.v_proj": (KV, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (MLP, HIDDEN),
    "mlp.up_proj": (MLP, HIDDEN),
    "mlp.down_proj": (HIDDEN, MLP),
}


def rounded(values: np.ndarray, dtype: str) -> bytes:
    """The values as little-endian elements, rounded to nearest even."""
    if dtype == "f32":
        return values.astype("<f4").tobytes()
    if dtype == "f16":
        return values.astype("<f2").tobytes()
    bits = values.astype("<f4").view("<u4").astype(np.uint64)
    return (((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")).tobytes()


def tensors(rank: int, layers: int, seed: int):
    """The tensors of the adapter, name by name."""
    for layer in range(layers):
        for name, (out, inner) in SHAPES.items():
            random = np.random.default_rng([seed, layer, zlib.crc32(name.encode())])
            bound = 1 / np.sqrt(inner)
            a = random.uniform(-bound, bound, (rank, inner)) + random.normal(0, 2e-4, (rank, inner))
            pace = np.exp(random.normal(0, 0.5, (out, 1)))
            b = random.normal(0, 1e-3, (out, rank)) * pace
            prefix = f"base_model.model.model.layers.{layer}.{name}"
            yield f"{prefix}.lora_A.weight", a
            yield f"{prefix}.lora_B.weight", b


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--dtype", choices=["f32", "f16", "bf16"], default="bf16")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "adapter_config.json").write_text(json.dumps({
        "peft_type": "LORA", "r": arguments.rank, "lora_alpha": 2 * arguments.rank, "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "benchmark/llama-8b", "target_modules": sorted(n.split(".")[1] for n in SHAPES),
    }, indent=2))
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    size = 4 if arguments.dtype == "f32" else 2
    for name, values in tensors(arguments.rank, arguments.layers, arguments.seed):
        end = offset + values.size * size
        header[name] = {"dtype": arguments.dtype.upper(), "shape": list(values.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(arguments.out / "adapter_model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors(arguments.rank, arguments.layers, arguments.seed):
            file.write(rounded(values, arguments.dtype))


if __name__ == "__main__":
    main()
