#!/usr/bin/env python3
"""Fusing an adapter into a model of Llama-8B shapes, beside copying and hashing the same files, in one run.

    pip install -r requirements.txt
    swift build -c release --product adapterctl            (in the repository)
    fuse.py --layers 10 --folder DIR     a layer takes 436 MB; DIR holds the model twice
    fuse.py --peft --layers 8            beside PEFT's merge_and_unload and save, which hold the model in memory

The model is bf16, a shard a layer, values normally distributed. Two baselines: one program that copies and hashes piece by
piece, and `cp` beside `sha256sum`, two processes at once; both make the copy durable, as we do. With --check the program
ends with 1 when it takes more than 1.3 times the faster of them, more memory than three of the largest tensor, or, with
--peft, as long as PEFT.
"""
import argparse
import hashlib
import json
import math
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
from acceptance import Acceptance
from merge import ROOT, TOOL, run

VOCABULARY = 1024

# Prints the seconds after the imports; loading is part of both.
PEFT_PROGRAM = """
import sys, time
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
start = time.perf_counter()
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16)
model = PeftModel.from_pretrained(model, sys.argv[2], autocast_adapter_dtype=False).merge_and_unload()
model.save_pretrained(sys.argv[3], max_shard_size="450MB")
print(time.perf_counter() - start)
"""


def make_model(folder: pathlib.Path, layers: int) -> int:
    """Writes the model and returns the bytes of its largest tensor."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": make_adapters.HIDDEN,
        "intermediate_size": make_adapters.MLP, "num_hidden_layers": layers, "num_attention_heads": 32,
        "num_key_value_heads": 8, "vocab_size": VOCABULARY, "tie_word_embeddings": True, "torch_dtype": "bfloat16"}))
    index, largest = {}, 0
    noise = make_adapters.rounded(np.random.default_rng(0).normal(0, 0.02, 1 << 24), "bf16")
    for layer in range(layers):
        name = f"model-{layer + 1:05}-of-{layers:05}.safetensors"
        hidden = (make_adapters.HIDDEN,)
        shapes = {f"model.layers.{layer}.{module}.weight": shape for module, shape in make_adapters.SHAPES.items()}
        shapes |= {f"model.layers.{layer}.{norm}.weight": hidden for norm in ("input_layernorm", "post_attention_layernorm")}
        if layer == 0:
            shapes |= {"model.embed_tokens.weight": (VOCABULARY, *hidden), "model.norm.weight": hidden}
        header, offset = {"__metadata__": {"format": "pt"}}, 0
        for key, shape in shapes.items():
            end = offset + 2 * math.prod(shape)
            largest = max(largest, end - offset)
            header[key] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
            offset = end
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(folder / name, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for start in range(0, offset, len(noise)):
                file.write(noise[:offset - start])
        index |= {key: name for key in shapes}
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


def two_programs(source: pathlib.Path, target: pathlib.Path) -> float:
    """Seconds of `cp` and `sha256sum` at the same time, and `sync` of the copies."""
    files = sorted(path for path in source.iterdir())
    start = time.perf_counter()
    hashing = subprocess.Popen(["sha256sum", *files], stdout=subprocess.DEVNULL)
    subprocess.run(["cp", "-r", source, target], check=True)
    subprocess.run(["sync", *(target / path.name for path in files)], check=True)
    if hashing.wait() != 0:
        raise SystemExit("sha256sum failed")
    return time.perf_counter() - start


def listed(seconds: list[float]) -> str:
    return f"{min(seconds):.2f} s ({', '.join(f'{s:.2f}' for s in sorted(seconds))})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=19)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, default=None)
    parser.add_argument("--peft", action="store_true", help="beside PEFT's merge_and_unload and save")
    acceptance = Acceptance(parser)
    arguments = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        largest = make_model(work / "model", arguments.layers)
        subprocess.run([sys.executable, ROOT / "Benchmarks/make_adapters.py", work / "a", "--layers",
                        str(arguments.layers)], check=True)
        os.environ["ADAPTERCTL_REGISTRY"] = str(work / "registry")
        run(TOOL, "push", work / "a", "a:v1")
        size = sum(path.stat().st_size for path in (work / "model").iterdir())
        ours, copies, plain, megabytes = [], [], [], 0.0
        theirs, programs = [], []
        for _ in range(arguments.rounds):
            if arguments.peft:
                start = time.perf_counter()
                theirs.append(float(subprocess.run(
                    [sys.executable, "-c", PEFT_PROGRAM, work / "model", work / "a", work / "peft"], check=True,
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split()[-1]))
                programs.append(time.perf_counter() - start)
                shutil.rmtree(work / "peft")
            copies.append(copy_and_hash(work / "model", work / "copy"))
            shutil.rmtree(work / "copy")
            plain.append(two_programs(work / "model", work / "copy"))
            shutil.rmtree(work / "copy")
            seconds, peak = run(TOOL, "fuse", "a:v1", "--base", work / "model", "-o", work / "out")
            ours.append(seconds)
            megabytes = max(megabytes, peak)
            shutil.rmtree(work / "out")
        print(f"{size / 1e9:.2f} GB  fuse {listed(ours)}")
        print(f"copy and hash, one program: {listed(copies)}, fuse takes {min(ours) / min(copies):.2f}x")
        print(f"cp beside sha256sum: {listed(plain)}, fuse takes {min(ours) / min(plain):.2f}x")
        acceptance.require("fuse beside copying and hashing", min(ours) / min(copies + plain), most=1.3)
        acceptance.require("the peak in MB", megabytes, most=3 * largest / 1e6)
        if theirs:
            print(f"PEFT, load, merge_and_unload and save: {min(theirs):.2f} s, {min(programs):.2f} s with its imports: "
                  f"{min(theirs) / min(ours):.2f}x and {min(programs) / min(ours):.2f}x of ours")
            acceptance.require("PEFT's time beside ours", min(theirs) / min(ours), least=1)
        print(f"peak memory {megabytes:.0f} MB, the largest tensor has {largest / 1e6:.0f} MB")
    finally:
        shutil.rmtree(work)
    acceptance.end(arguments)


if __name__ == "__main__":
    main()
