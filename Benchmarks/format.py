#!/usr/bin/env python3
"""Size and speed of adapter files, beside ZipNN and zstd, on the same tensors in one run.

    pip install -r requirements.txt
    swift build -c release --product adapterctl            (in the repository)
    swift build -c release --package-path Benchmarks
    format.py sizes --layers 4
    format.py speed --rank 64 --dtype bf16

Sizes count the tensor data: a file's length against the safetensors file's, and our chunks against the bound: for each
tensor the entropy of its exponents, sign and mantissa as they are. Files are made in a folder in memory where there is
one, so that the disk is not measured.
"""
import argparse
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import zstandard

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = ROOT / ".build/release/adapterctl"
PROBE = ROOT / "Benchmarks/.build/release/FormatBenchmark"
EXPONENT = {"F32": (np.uint32, 23, 0xFF, 24), "BF16": (np.uint16, 7, 0xFF, 8), "F16": (np.uint16, 10, 0x1F, 11)}


def tensors(path: pathlib.Path):
    """(dtype, bytes) of each tensor of a safetensors file."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        for name, entry in header.items():
            if name != "__metadata__":
                start, end = entry["data_offsets"]
                file.seek(8 + length + start)
                yield entry["dtype"], file.read(end - start)


def bound(path: pathlib.Path) -> float:
    """Bytes that no code can beat which takes the exponents of a tensor as independent draws and leaves the rest."""
    total = 0.0
    for dtype, data in tensors(path):
        word, shift, mask, rest = EXPONENT[dtype]
        bits = np.frombuffer(data, word)
        counts = np.bincount((bits >> shift) & mask)
        share = counts[counts > 0] / bits.size
        total += bits.size * (rest - (share * np.log2(share)).sum()) / 8
    return total


def run(*command, env=None) -> tuple[float, str]:
    """Wall seconds and output of a command."""
    start = time.perf_counter()
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    return time.perf_counter() - start, result.stdout


def peak_megabytes(*command) -> float:
    """The largest resident set of a command, in megabytes."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); " \
           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    return float(run(sys.executable, "-c", code, *command)[1])


def zipnn_codec(dtype: str):
    import zipnn
    names = {"bf16": "bfloat16", "f16": "float16", "f32": "float32"}
    return zipnn.ZipNN(bytearray_dtype=names[dtype], input_format="byte")


def make(folder: pathlib.Path, rank: int, dtype: str, layers: int) -> pathlib.Path:
    subprocess.run([sys.executable, ROOT / "Benchmarks/make_adapters.py", folder, "--rank", str(rank), "--dtype", dtype,
                    "--layers", str(layers)], check=True)
    return folder


def size_row(name: str, folder: pathlib.Path, dtype: str, work: pathlib.Path) -> None:
    source = folder / "adapter_model.safetensors"
    raw = source.read_bytes()
    _, text = run(TOOL, "pack", folder, "-o", work / "size.adpt", "--force", "--json")
    packed = json.loads(text)
    shown = json.loads(run(TOOL, "show", work / "size.adpt", "--json")[1])
    limit = bound(source)
    ours = shown["encodedByteCount"]
    zipped = len(zipnn_codec(dtype).compress(raw))
    zstd = len(zstandard.ZstdCompressor(level=19).compress(raw))
    tensor = packed["tensorByteCount"]
    print(f"{name:22} {tensor / 1e6:8.2f} MB  bound {limit / tensor:.4f}  ours {ours / tensor:.4f} "
          f"(+{100 * (ours / limit - 1):.2f} %)  file {packed['byteCount'] / len(raw):.4f}  "
          f"ZipNN {zipped / len(raw):.4f}  zstd -19 {zstd / len(raw):.4f}", flush=True)


def sizes(arguments, work: pathlib.Path) -> None:
    for folder in arguments.folder:
        dtype = {"F32": "f32", "BF16": "bf16", "F16": "f16"}[next(tensors(folder / "adapter_model.safetensors"))[0]]
        size_row(folder.name, folder, dtype, work)
    for rank in (16, 64):
        for dtype in ("bf16", "f16", "f32"):
            folder = make(work / f"8b-r{rank}-{dtype}", rank, dtype, arguments.layers)
            size_row(folder.name, folder, dtype, work)
            shutil.rmtree(folder)


def best(times) -> float:
    return min(times)


def zipnn_file(source, target, convert, rows, verb: str) -> None:
    start = time.perf_counter()
    data = source.read_bytes()
    middle = time.perf_counter()
    result = convert(data)
    rows[f"  in memory, {verb}"].append(time.perf_counter() - middle)
    target.write_bytes(result)
    rows[f"ZipNN {verb}"].append(time.perf_counter() - start)


def speed(arguments, work: pathlib.Path) -> None:
    folder = make(work / "set", arguments.rank, arguments.dtype, arguments.layers)
    source = folder / "adapter_model.safetensors"
    raw = source.read_bytes()
    gigabytes = len(raw) / 1e9
    codec = zipnn_codec(arguments.dtype)
    rows = {name: [] for name in ("pack", "unpack", "verify", "ZipNN compress", "ZipNN decompress",
                                  "  in memory, compress", "  in memory, decompress")}
    for _ in range(arguments.rounds):
        # Nobody's time includes removing the files of the round before.
        for name in ("x.adpt", "x.znn", "x.raw"):
            (work / name).unlink(missing_ok=True)
        shutil.rmtree(work / "out", ignore_errors=True)
        rows["pack"].append(run(TOOL, "pack", folder, "-o", work / "x.adpt")[0])
        rows["unpack"].append(run(TOOL, "unpack", work / "x.adpt", "-o", work / "out")[0])
        rows["verify"].append(run(TOOL, "verify", work / "x.adpt")[0])
        # ZipNN does the same job, file to file, in a process that is already running.
        zipnn_file(source, work / "x.znn", codec.compress, rows, "compress")
        zipnn_file(work / "x.znn", work / "x.raw", codec.decompress, rows, "decompress")
    if source.read_bytes() != (work / "out/adapter_model.safetensors").read_bytes():
        if sorted(tensors(source)) != sorted(tensors(work / "out/adapter_model.safetensors")):
            sys.exit("TENSORS DIFFER")
        print("tensors come back bit for bit")
    for name, times in rows.items():
        print(f"{name:23} {gigabytes / best(times):6.2f} GB/s of tensors, best of {len(times)} "
              f"({', '.join(f'{t:.3f}' for t in sorted(times))} s)")
    print(f"pack / ZipNN       {best(rows['ZipNN compress']) / best(rows['pack']):6.2f} x")
    print(f"unpack / ZipNN     {best(rows['ZipNN decompress']) / best(rows['unpack']):6.2f} x")
    alone = json.loads(run(PROBE, "hash", source)[1])["gb_per_s"]
    print(f"SHA-256 alone      {alone:6.2f} GB/s on one processor; unpack reaches "
          f"{100 * gigabytes / best(rows['unpack']) / alone:.0f} % of it")
    print(f"peak memory        pack {peak_megabytes(TOOL, 'pack', folder, '-o', work / 'x.adpt', '--force'):.0f} MB, "
          f"unpack {peak_megabytes(TOOL, 'unpack', work / 'x.adpt', '-o', work / 'out', '--force'):.0f} MB")
    module = f"model.layers.{arguments.layers // 2}.mlp.up_proj"
    for codec in ("planes", "raw"):
        run(TOOL, "pack", folder, "-o", work / "y.adpt", "--force", "--codec", codec)
        opened = json.loads(run(PROBE, "open", work / "y.adpt", module)[1])
        print(f"open + one tensor  {codec}: {opened['median_ms']:.3f} ms, verified, {opened['open_ms']:.3f} ms of it to "
              f"open ({opened['tensor_bytes']} bytes; medians)")
    import torch
    from safetensors import safe_open
    name = f"base_model.model.{module}.lora_A.weight"
    unverified, verified = [], []
    for _ in range(301):
        start = time.perf_counter()
        with safe_open(source, framework="pt") as file:
            tensor = file.get_tensor(name).clone()
        unverified.append(1e3 * (time.perf_counter() - start))
        hashlib.sha256(tensor.view(torch.uint8).numpy()).digest()
        verified.append(1e3 * (time.perf_counter() - start))
    print(f"safe_open          {sorted(unverified)[150]:.3f} ms unverified, {sorted(verified)[150]:.3f} ms with SHA-256 "
          "of the tensor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    size = commands.add_parser("sizes")
    size.add_argument("folder", nargs="*", type=pathlib.Path, help="PEFT folders to measure besides the 8B-shaped set")
    size.add_argument("--layers", type=int, default=4)
    size.set_defaults(run=sizes)
    fast = commands.add_parser("speed")
    fast.add_argument("--rank", type=int, default=64)
    fast.add_argument("--dtype", choices=["bf16", "f16", "f32"], default="bf16")
    fast.add_argument("--layers", type=int, default=32)
    fast.add_argument("--rounds", type=int, default=5)
    fast.set_defaults(run=speed)
    arguments = parser.parse_args()
    memory = pathlib.Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as work:
        arguments.run(arguments, pathlib.Path(work))


if __name__ == "__main__":
    main()
