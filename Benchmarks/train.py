#!/usr/bin/env python3
"""Training speed and memory of adapterctl and of PEFT, side by side in one run on one machine.

    train.py MODEL_DIR ADAPTERCTL [--steps N] [--only NAME...] [--check]

LoRA of rank 8 on all seven projections, batches of 4 rows of 256 tokens, AdamW, the same text. Each configuration is a
process of its own, so its peak memory is its own. Between them the machine's sgemm peak is measured (NumPy's
OpenBLAS, 2048 x 2048, all threads). FLOP per token: 4 (linear + head) + 6 LoRA + causal attention; the weights are
frozen, so there is no gradient of theirs. Prints a table, and JSON with --json. --check fails where adapterctl is not as
fast and as small as is asked for below; what was not measured is not checked.

MODEL_DIR for SmolLM2-135M-Instruct: see fixtures/README.md. Needs numpy, torch, transformers, peft.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, LENGTH, RANK = 4, 256, 8
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
TEXT = Path(__file__).resolve().parent.parent / "fixtures/data/training/bierce_train.txt"
# PEFT's default keeps the updates in f32 on a bf16 base.
PEFT = {"peft-f32": ("float32", False), "peft-bf16": ("bfloat16", False), "peft-f32-checkpoint": ("float32", True)}
OWN = {
    "adapterctl-f32": [],
    "adapterctl-bf16": ["--precision", "bf16"],
    "adapterctl-f32-checkpoint": ["--activations", "checkpoint"],
    "adapterctl-bf16-checkpoint": ["--precision", "bf16", "--activations", "checkpoint"],
}


# For SmolLM2-135M: what, the number from the results, and its limits.
ASKED = [
    ("tokens/s in f32 over PEFT's", lambda r: r["adapterctl-f32"]["tokens_per_second"] / r["peft-f32"]["tokens_per_second"], 1.3, None),
    ("tokens/s in bf16 over PEFT's", lambda r: r["adapterctl-bf16"]["tokens_per_second"] / r["peft-bf16"]["tokens_per_second"], 1.0, None),
    ("memory in f32 over PEFT's", lambda r: r["adapterctl-f32"]["memory_mb"] / r["peft-f32"]["memory_mb"], None, 1 / 3),
    ("memory with checkpointing, MB", lambda r: r["adapterctl-f32-checkpoint"]["memory_mb"], None, 700),
    ("start to the first step, s", lambda r: r["adapterctl-f32"]["seconds_to_first_step"], None, 2),
]


def check(results: dict) -> bool:
    """Prints what is asked for beside what was measured; whether all of it holds."""
    holds = True
    for name, value, least, most in ASKED:
        try:
            found = value(results)
        except KeyError:
            print(f"{name}: not measured")
            continue
        fits = (least is None or found >= least) and (most is None or found <= most)
        limit = f"at least {least:.2f}" if least is not None else f"at most {most:.2f}"
        print(f"{name}: {found:.2f}, {limit}{'' if fits else ': MISSED'}")
        holds = holds and fits
    return holds


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def sgemm_peak() -> float:
    """GFLOP/s of the best of some products."""
    import numpy

    n = 2048
    a, b = (numpy.random.default_rng(seed).standard_normal((n, n), dtype=numpy.float32) for seed in (0, 1))
    best = 0.0
    for _ in range(6):
        start = time.perf_counter()
        a @ b
        best = max(best, 2 * n**3 / (time.perf_counter() - start) / 1e9)
    return best


def flop_per_token(config: dict) -> float:
    d, ffn, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    heads, keys = config["num_attention_heads"], config["num_key_value_heads"]
    head = config.get("head_dim") or d // heads
    shapes = [(heads * head, d), (keys * head, d), (keys * head, d), (d, heads * head), (ffn, d), (ffn, d), (d, ffn)]
    linear = layers * sum(a * b for a, b in shapes)
    lora = layers * sum(RANK * (a + b) for a, b in shapes)
    return 4 * (linear + config["vocab_size"] * d) + 6 * lora + 6 * LENGTH * heads * head * layers


def run_peft(model_folder: str, name: str, steps: int) -> dict:
    """In a process of its own."""
    begun = time.perf_counter()
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype, checkpoint = PEFT[name]
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=getattr(torch, dtype))
    ids = AutoTokenizer.from_pretrained(model_folder)(TEXT.read_text()[:200_000])["input_ids"]
    if checkpoint:
        model.gradient_checkpointing_enable()
        model.enable_input_require_grads()
    model = get_peft_model(
        model, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=MODULES, task_type="CAUSAL_LM"))
    model.train()
    model.config.use_cache = False
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=2e-4, weight_decay=0.0)
    seconds, first = [], None
    for step in range(steps + 1):
        start = time.perf_counter()
        offset = step * ROWS * LENGTH
        batch = torch.tensor(ids[offset : offset + ROWS * LENGTH]).reshape(ROWS, LENGTH)
        model(input_ids=batch, labels=batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step == 0:
            first = start - begun
        else:
            seconds.append(time.perf_counter() - start)
    return dict(seconds=seconds, start=first, memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def run_own(model_folder: str, tool: str, name: str, steps: int) -> dict:
    with tempfile.TemporaryDirectory() as registry:
        command = [tool, "train", "--base", model_folder, "--data", str(TEXT), "--max-seq-length", str(LENGTH)]
        command += ["--batch-size", str(ROWS), "--rank", str(RANK), "--max-steps", str(steps + 1), "-t", "bench"]
        command += ["--save-steps", "0", "--json", "--registry", registry, *OWN[name]]
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        moments, events = [], []
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "step":
                moments.append(time.perf_counter())
                events.append(event)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"{' '.join(command)} failed")
    seconds = [after["seconds"] - before["seconds"] for before, after in zip(events, events[1:])]
    # The first step's end less its own duration, taken as that of the others.
    return dict(seconds=seconds, start=moments[0] - begun - median(seconds), memory=usage.ru_maxrss * 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("tool", nargs="?")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--only", nargs="+", default=["peft-f32", "adapterctl-f32", "peft-bf16", "adapterctl-bf16", "adapterctl-f32-checkpoint"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(run_peft(arguments.model, arguments.child, arguments.steps)))
        return
    if unknown := set(arguments.only) - set(PEFT) - set(OWN):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    flop = flop_per_token(json.loads((Path(arguments.model) / "config.json").read_text()))
    peaks, results = [sgemm_peak()], {}
    for name in arguments.only:
        if name in PEFT:
            command = [sys.executable, __file__, arguments.model, "--child", name, "--steps", str(arguments.steps)]
            output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            result = json.loads(output.strip().splitlines()[-1])
        else:
            result = run_own(arguments.model, arguments.tool, name, arguments.steps)
        peaks.append(sgemm_peak())
        rate = ROWS * LENGTH / median(result["seconds"])
        results[name] = dict(
            tokens_per_second=round(rate, 1), best=round(ROWS * LENGTH / min(result["seconds"]), 1),
            gflops=round(rate * flop / 1e9, 1), memory_mb=round(result["memory"] / 1e6), seconds_to_first_step=round(result["start"], 2))
    peak = max(peaks)
    print(f"sgemm peak {peak:.0f} GFLOP/s (of {', '.join(f'{p:.0f}' for p in peaks)}), {flop / 1e6:.0f} MFLOP per token, "
          f"load {os.getloadavg()[0]:.1f}")
    print(f"{'':27}{'tokens/s':>10}{'best':>8}{'GFLOP/s':>10}{'of peak':>9}{'memory MB':>11}{'to 1st step s':>15}")
    for name, r in results.items():
        print(f"{name:27}{r['tokens_per_second']:10.1f}{r['best']:8.1f}{r['gflops']:10.1f}{r['gflops'] / peak:9.0%}"
              f"{r['memory_mb']:11d}{r['seconds_to_first_step']:15.2f}")
    if arguments.json:
        print(json.dumps(dict(sgemm_peak=peak, results=results)))
    if arguments.check and not check(results):
        sys.exit(1)


if __name__ == "__main__":
    main()
