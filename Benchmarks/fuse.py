#!/usr/bin/env python3
"""Fusing an adapter into a model of Llama-8B shapes, beside copying and hashing the same files, in one run.

    pip install -r requirements.txt
    swift build -c release --product adapterctl            (in the repository)
    fuse.py --layers 10 --folder DIR     a layer takes 436 MB; DIR holds the model twice

The model is bf16, a shard a layer, values normally distributed.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import make_adapters
import numpy as np
from merge import ROOT, TOOL, run


def make_model(folder: pathlib.Path, layers: int) -> int:
    """Writes the model and returns the bytes of its largest tensor."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}))
    index, largest = {}, 0
    noise = make_adapters.rounded(np.random.default_rng(0).normal(0, 0.02, 1 << 24), "bf16")
    for layer in range(layers):
        name = f"model-{layer + 1:05}-of-{layers:05}.safetensors"
        header, offset = {}, 0
        for module, shape in make_adapters.SHAPES.items():
            end = offset + 2 * shape[0] * shape[1]
            largest = max(largest, end - offset)
            header[f"model.layers.{layer}.{module}.weight"] = {
                "dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
            offset = end
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(folder / name, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for start in range(0, offset, len(noise)):
                file.write(noise[:offset - start])
        index |= {key: name for key in header}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return largest


def copy_and_hash(source: pathlib.Path, target: pathlib.Path) -> float:
    """Seconds to copy a folder's files piece by piece, hash them, and make them durable."""
    target.mkdir()
    start = time.perf_counter()
    for path in sorted(source.iterdir()):
        digest = hashlib.sha256()
        with open(path, "rb") as read, open(target / path.name, "wb") as write:
            while piece := read.read(1 << 20):
                digest.update(piece)
                write.write(piece)
            write.flush()
            os.fsync(write.fileno())
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=19)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, default=None)
    arguments = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        largest = make_model(work / "model", arguments.layers)
        subprocess.run([sys.executable, ROOT / "Benchmarks/make_adapters.py", work / "a", "--layers",
                        str(arguments.layers)], check=True)
        os.environ["ADAPTERCTL_REGISTRY"] = str(work / "registry")
        run(TOOL, "push", work / "a", "a:v1")
        size = sum(path.stat().st_size for path in (work / "model").iterdir())
        ours, copies, megabytes = [], [], 0
        for _ in range(arguments.rounds):
            copies.append(copy_and_hash(work / "model", work / "copy"))
            shutil.rmtree(work / "copy")
            seconds, megabytes = run(TOOL, "fuse", "a:v1", "--base", work / "model", "-o", work / "out")
            ours.append(seconds)
            shutil.rmtree(work / "out")
        print(f"{size / 1e9:.2f} GB  fuse {min(ours):.2f} s ({', '.join(f'{s:.2f}' for s in sorted(ours))})   copy and hash "
              f"{min(copies):.2f} s ({', '.join(f'{s:.2f}' for s in sorted(copies))}): {min(ours) / min(copies):.2f}x")
        print(f"peak memory {megabytes:.0f} MB, the largest tensor has {largest / 1e6:.0f} MB")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
