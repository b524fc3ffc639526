#!/usr/bin/env python3
"""Merging three adapters, beside PEFT and PyTorch, on the same tensors in one run.

    pip install -r requirements.txt
    swift build -c release --product adapterctl            (in the repository)
    merge.py                        whole adapters of Llama-8B shapes: whole processes, ours and `openssl dgst`'s
    merge.py --elements             ties on the elements of every ΔW of such a model: long; shows its peak memory
    merge.py --peft                 one 4096 x 4096 module beside PEFT's svd and *_svd, which take minutes
    merge.py --peft-layer           one layer, seven projections, beside PEFT's svd: minutes; extrapolated to all layers
    merge.py --peft-whole           cat, scale and interpolate beside programs that do the same with PEFT, file to file

Adapters have rank 16 and are bf16. Files are made in a folder in memory where there is one. With --check the program ends
with 1 when it misses what is said in its last lines: 2.5 times a process that only hashes for cat, scale and interpolate,
512 MB, 2 times PyTorch's cores, 20 times PEFT's *_svd, 2000 times its svd, 5 times its whole programs.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import make_adapters
from acceptance import Acceptance

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = ROOT / ".build/release/adapterctl"
NAMES = ["a", "b", "c"]
WEIGHTS = [0.5, 0.3, -0.2]
PEAK_MEGABYTES = 512


def run(*command) -> tuple[float, float]:
    """Wall seconds of a command, and the largest resident set in megabytes."""
    code = ("import resource, subprocess, sys, time; start = time.perf_counter(); "
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
            "print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)")
    text = subprocess.run([sys.executable, "-c", code, *map(str, command)], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, text.stdout.split())
    return seconds, megabytes


def store(work: pathlib.Path, folders) -> None:
    os.environ["ADAPTERCTL_REGISTRY"] = str(work / "registry")
    for name, folder in zip(NAMES, folders):
        run(TOOL, "push", folder, f"{name}:v1")


def blob(registry: pathlib.Path, name: str) -> pathlib.Path:
    """The stored file of a name."""
    shown = subprocess.run([TOOL, "show", name, "--json", "--registry", registry], capture_output=True, check=True)
    digits = json.loads(shown.stdout)["digest"].removeprefix("sha256:")
    return registry / "blobs/sha256" / digits[:2] / digits


def hashing(files: list[pathlib.Path]) -> tuple[float, float]:
    """Seconds of a process that hashes files and does nothing else, and of hashing them when they have been read."""
    process, _ = run("openssl", "dgst", "-sha256", *files)
    contents = [file.read_bytes() for file in files]
    start = time.perf_counter()
    for data in contents:
        hashlib.sha256(data).digest()
    return process, time.perf_counter() - start


def make_folders(arguments, work: pathlib.Path) -> list[pathlib.Path]:
    folders = []
    for seed, name in enumerate(NAMES):
        folders.append(work / name)
        subprocess.run([sys.executable, ROOT / "Benchmarks/make_adapters.py", folders[-1], "--rank", "16", "--layers",
                        str(arguments.layers), "--seed", str(seed)], check=True)
    store(work, folders)
    return folders


def whole(arguments, work: pathlib.Path, acceptance: Acceptance) -> None:
    folders = make_folders(arguments, work)
    weighted = [f"{name}:v1={weight}" for name, weight in zip(NAMES, WEIGHTS)]
    exact = ["merge", *weighted, "--method", "exact"]
    # The operation, its number of inputs, and whether hashing is its measure.
    operations = {
        "cat": (["merge", *weighted, "--method", "cat"], 3, True),
        "exact, rank 16": ([*exact, "--rank", "16"], 3, False),
        "exact, energy 0.9": ([*exact, "--energy", "0.9"], 3, False),
        "scale": (["scale", "a:v1", "--by", "0.5"], 1, True),
        "interpolate": (["interpolate", "a:v1", "b:v1", "--at", "0.3"], 2, True),
    }
    parents = [blob(work / "registry", f"{name}:v1") for name in NAMES]
    seconds = {}
    for name, (operation, count, is_copying) in operations.items():
        times, floors, megabytes = [], [], 0.0
        # In turns, so that both meet the same machine; each in a registry that does not have the result yet.
        for _ in range(arguments.rounds):
            shutil.copytree(work / "registry", work / "round")
            elapsed, peak = run(TOOL, *operation, "-t", "out:v1", "--registry", work / "round")
            times.append(elapsed)
            megabytes = max(megabytes, peak)
            floors.append(hashing([*parents[:count], blob(work / "round", "out:v1")]))
            shutil.rmtree(work / "round")
        best, (floor, memory) = min(times), map(min, zip(*floors))
        seconds[name] = best
        print(f"{name:18} {best:7.3f} s  {megabytes:5.0f} MB peak   a process that hashes inputs and output {floor:6.3f} "
              f"s: {best / floor:5.2f}x   hashing them in memory {memory:6.3f} s: {best / memory:5.2f}x", flush=True)
        acceptance.require(f"the peak of {name} in MB", megabytes, most=PEAK_MEGABYTES)
        if is_copying:
            acceptance.require(f"{name} beside hashing", best / floor, most=2.5)
    peer = min(torch_cores(folders) for _ in range(arguments.rounds))
    ratio = peer / seconds["exact, rank 16"]
    print(f"QR and core SVD in PyTorch, the arithmetic alone: {peer:.3f} s, {ratio:.2f}x of exact's whole process")
    acceptance.require("exact beside PyTorch's QR and core SVD", ratio, least=2)


def elements(arguments, work: pathlib.Path, acceptance: Acceptance) -> None:
    make_folders(arguments, work)
    weighted = [f"{name}:v1={weight}" for name, weight in zip(NAMES, WEIGHTS)]
    elapsed, megabytes = run(TOOL, "merge", *weighted, "--method", "ties", "--density", "0.3", "--rank", "16", "-t",
                             "out:v1", "--recompute")
    print(f"ties, density 0.3, {arguments.layers} layers: {elapsed:.1f} s, {megabytes:.0f} MB peak")
    acceptance.require("the peak of ties in MB", megabytes, most=PEAK_MEGABYTES)


def torch_cores(folders) -> float:
    """Seconds for the best rank 16 approximation of every module by torch's QR and SVD, in f64 as ours."""
    import torch
    from safetensors.torch import load_file
    adapters = [load_file(folder / "adapter_model.safetensors") for folder in folders]
    start = time.perf_counter()
    for key in adapters[0]:
        if ".lora_A." not in key:
            continue
        other = key.replace("lora_A", "lora_B")
        a = torch.cat([adapter[key] for adapter in adapters]).double()
        b = torch.cat([adapter[other] * weight for adapter, weight in zip(adapters, WEIGHTS)], 1).double()
        qb, rb = torch.linalg.qr(b)
        qa, ra = torch.linalg.qr(a.T)
        u, s, v = torch.linalg.svd(rb @ ra.T)
        (qb @ (u[:, :16] * s[:16])).bfloat16(), (v[:16] @ qa.T).bfloat16()
    return time.perf_counter() - start


def beside_peft(arguments, work: pathlib.Path, acceptance: Acceptance) -> None:
    import numpy as np
    import torch
    from peft import PeftModel
    from safetensors.torch import save_file

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.q_proj = torch.nn.Linear(4096, 4096, bias=False)

    folders = []
    for seed, name in enumerate(NAMES):
        folder = work / name
        folder.mkdir()
        factors = dict(make_adapters.tensors(16, 1, seed))
        save_file({f"base_model.model.q_proj.lora_{side}.weight": torch.from_numpy(np.ascontiguousarray(
            factors[f"base_model.model.model.layers.0.self_attn.q_proj.lora_{side}.weight"])).bfloat16()
            for side in "AB"}, folder / "adapter_model.safetensors")
        (folder / "adapter_config.json").write_text(json.dumps({
            "peft_type": "LORA", "r": 16, "lora_alpha": 16, "target_modules": ["q_proj"],
            "base_model_name_or_path": "one-layer"}))
        folders.append(folder)
    store(work, folders)
    model = PeftModel.from_pretrained(Model(), folders[0], adapter_name="a")
    for name, folder in zip(NAMES[1:], folders[1:]):
        model.load_adapter(folder, name)
    weighted = [f"{name}:v1={weight}" for name, weight in zip(NAMES, WEIGHTS)]
    rows = [("svd", {"svd_rank": 16}, ["--method", "exact", "--rank", "16"]),
            *[(f"{method}_svd", {"svd_rank": 16, "density": 0.3},
               ["--method", f"compat-peft-{method.replace('_', '-')}-svd", "--rank", "16", "--density", "0.3"])
              for method in ("ties", "dare_linear", "dare_ties", "magnitude_prune")]]
    for method, options, ours in rows:
        start = time.perf_counter()
        model.add_weighted_adapter(NAMES, WEIGHTS, f"merged_{method}", combination_type=method, **options)
        theirs = time.perf_counter() - start
        best = min(run(TOOL, "merge", *weighted, *ours, "-t", "out:v1", "--recompute")[0] for _ in range(arguments.rounds))
        print(f"{method:19} PEFT, the call alone {theirs:8.2f} s; ours, the whole process {best:7.3f} s: "
              f"{theirs / best:7.0f}x", flush=True)
        if method != "svd":
            acceptance.require(f"{method}_svd beside PEFT", theirs / best, least=20)


PEFT_LAYER = {"q_proj": (4096, 4096), "k_proj": (1024, 4096), "v_proj": (1024, 4096), "o_proj": (4096, 4096),
              "gate_proj": (14336, 4096), "up_proj": (14336, 4096), "down_proj": (4096, 14336)}


def layer_beside_peft(arguments, work: pathlib.Path, acceptance: Acceptance) -> None:
    import torch
    from peft import PeftModel

    class Attention(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
                setattr(self, name, torch.nn.Linear(*reversed(PEFT_LAYER[name]), bias=False, dtype=torch.bfloat16))

    class MLP(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for name in ("gate_proj", "up_proj", "down_proj"):
                setattr(self, name, torch.nn.Linear(*reversed(PEFT_LAYER[name]), bias=False, dtype=torch.bfloat16))

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.self_attn, self.mlp = Attention(), MLP()

    class Inner(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList([Layer()])

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = Inner()

        def prepare_inputs_for_generation(self, **inputs):
            return inputs

    seconds = {}
    for layers in (1, arguments.layers):
        folders = []
        for seed, name in enumerate(NAMES):
            folders.append(work / f"{name}-{layers}")
            subprocess.run([sys.executable, ROOT / "Benchmarks/make_adapters.py", folders[-1], "--rank", "16", "--layers",
                            str(layers), "--seed", str(seed)], check=True)
        store(work, folders)
        weighted = [f"{name}:v1={weight}" for name, weight in zip(NAMES, WEIGHTS)]
        seconds[layers] = min(run(TOOL, "merge", *weighted, "--rank", "16", "-t", "out:v1", "--recompute")[0]
                              for _ in range(arguments.rounds))
        if layers == 1:
            model = PeftModel.from_pretrained(Model(), folders[0], adapter_name="a")
            for name, folder in zip(NAMES[1:], folders[1:]):
                model.load_adapter(folder, name)
            start = time.perf_counter()
            model.add_weighted_adapter(NAMES, WEIGHTS, "merged", combination_type="svd", svd_rank=16)
            theirs = time.perf_counter() - start
    ours = seconds[arguments.layers]
    ratio = theirs * arguments.layers / ours
    print(f"one layer, both measured: PEFT's svd call {theirs:.1f} s; ours, the whole process {seconds[1]:.3f} s: "
          f"{theirs / seconds[1]:.0f}x")
    print(f"{arguments.layers} layers: PEFT's svd, extrapolated from one {theirs * arguments.layers:.0f} s; ours, the whole "
          f"process, measured {ours:.3f} s: {ratio:.0f}x")
    acceptance.require(f"exact over {arguments.layers} layers beside PEFT's svd, extrapolated", ratio, least=2000)


PEFT_PROGRAM = """
import sys, torch
from peft import PeftModel, LoraConfig
folders, weights, out = sys.argv[1].split(","), [float(x) for x in sys.argv[2].split(",")], sys.argv[3]
shapes = {"self_attn": {"q_proj": (4096, 4096), "k_proj": (1024, 4096), "v_proj": (1024, 4096), "o_proj": (4096, 4096)},
          "mlp": {"gate_proj": (14336, 4096), "up_proj": (14336, 4096), "down_proj": (4096, 14336)}}
def part(parts):
    module = torch.nn.Module()
    for name, (rows, columns) in parts.items():
        module.add_module(name, torch.nn.Linear(columns, rows, bias=False, device="meta", dtype=torch.bfloat16))
    return module
root, inner, layers = torch.nn.Module(), torch.nn.Module(), torch.nn.ModuleList()
for _ in range(int(sys.argv[4])):
    layer = torch.nn.Module()
    for name, parts in shapes.items():
        layer.add_module(name, part(parts))
    layers.append(layer)
inner.add_module("layers", layers)
root.add_module("model", inner)
# Weights that nobody reads: allocated, never touched.
root.to_empty(device="cpu")
root.prepare_inputs_for_generation = lambda **inputs: inputs
names = ["a", "b", "c"][:len(folders)]
model = PeftModel.from_pretrained(root, folders[0], adapter_name="a", autocast_adapter_dtype=False)
for name, folder in zip(names[1:], folders[1:]):
    model.load_adapter(folder, name, autocast_adapter_dtype=False)
model.add_weighted_adapter(names, weights, "merged", combination_type="cat")
model.save_pretrained(out, selected_adapters=["merged"])
"""


def whole_beside_peft(arguments, work: pathlib.Path, acceptance: Acceptance) -> None:
    folders = make_folders(arguments, work)
    rows = {
        "cat": (WEIGHTS, ["merge", *[f"{n}:v1={w}" for n, w in zip(NAMES, WEIGHTS)], "--method", "cat"]),
        "scale": ([0.5], ["scale", "a:v1", "--by", "0.5"]),
        "interpolate": ([0.7, 0.3], ["interpolate", "a:v1", "b:v1", "--at", "0.3"]),
    }
    for name, (weights, ours) in rows.items():
        inputs = ",".join(str(folder) for folder in folders[:len(weights)])
        theirs = min(run(sys.executable, "-c", PEFT_PROGRAM, inputs, ",".join(map(str, weights)), work / "peft",
                         arguments.layers)[0] for _ in range(2))
        best = min(run(TOOL, *ours, "-t", "out:v1", "--recompute")[0] for _ in range(arguments.rounds))
        print(f"{name:12} PEFT, the whole program {theirs:6.2f} s; ours {best:6.3f} s: {theirs / best:5.1f}x", flush=True)
        acceptance.require(f"{name} beside PEFT's whole program", theirs / best, least=5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--elements", action="store_true", help="ties over a whole model: long")
    parser.add_argument("--peft-layer", action="store_true", help="one layer beside PEFT's svd")
    parser.add_argument("--peft-whole", action="store_true", help="whole programs beside PEFT's cat")
    parser.add_argument("--peft", action="store_true", help="one module beside PEFT")
    acceptance = Acceptance(parser)
    arguments = parser.parse_args()
    memory = pathlib.Path("/dev/shm")
    work = pathlib.Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    try:
        measure = (beside_peft if arguments.peft else layer_beside_peft if arguments.peft_layer
                   else whole_beside_peft if arguments.peft_whole else elements if arguments.elements else whole)
        measure(arguments, work, acceptance)
    finally:
        shutil.rmtree(work)
    acceptance.end(arguments)


if __name__ == "__main__":
    main()
