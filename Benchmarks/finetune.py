#!/usr/bin/env python3
"""A fine-tune from the command line, as a user would do it: loss before and after, time, memory, and PEFT's opinion.

    finetune.py MODEL_DIR ADAPTERCTL [--steps N] [--rows FILE] [--no-peft] [-- more options of train]

Teaches a chat model the definitions of The Devil's Dictionary (fixtures/data/training/bierce_chat.jsonl), answers alone:
nine of ten rows to learn from, the tenth to validate with. The adapter is pulled as a PEFT folder and validated in PEFT,
in float32, on the same tokens: the loss must be the same to 1e-4. MODEL_DIR for SmolLM2-135M-Instruct:
fixtures/smollm2.py. Needs torch, transformers, peft unless --no-peft.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = Path(__file__).resolve().parent.parent / "fixtures/data/training/bierce_chat.jsonl"
LENGTH = 256
TOLERANCE = 1e-4


def split(path: Path, folder: Path) -> tuple[Path, Path]:
    lines = path.read_text().splitlines()
    parts = folder / "train.jsonl", folder / "validation.jsonl"
    for part, chosen in zip(parts, (lambda i: i % 10 != 9, lambda i: i % 10 == 9)):
        part.write_text("".join(line + "\n" for i, line in enumerate(lines) if chosen(i)))
    return parts


def peft_loss(model_folder: str, adapter: str, rows: list[dict]) -> float:
    """Over the tokens that adapterctl learns, by its own account of the rows."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, adapter).eval()
    total, count = 0.0, 0
    for row in rows:
        ids = torch.tensor([row["ids"]])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, :-1].double()
        losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
        learned = torch.tensor(row["learned"][1:])
        total += losses[learned].sum().item()
        count += int(learned.sum())
    return total / count


def chatml(model_folder: str, path: Path) -> list[dict]:
    """The rows of a file as ChatML without a system prompt, with what is learned: answers and the token that ends them."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    rows = []
    for line in path.read_text().splitlines():
        text, spans = "", []
        for message in json.loads(line)["messages"]:
            text += f"<|im_start|>{message['role']}\n"
            start = len(text)
            text += message["content"] + "<|im_end|>"
            if message["role"] == "assistant":
                spans.append((start, len(text)))
            text += "\n"
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        learned = [any(a <= begin and end <= b for a, b in spans) for begin, end in encoded["offset_mapping"]]
        rows.append(dict(ids=encoded["input_ids"][:LENGTH], learned=learned[:LENGTH]))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("tool")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--no-peft", action="store_true")
    arguments = sys.argv[1:]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    a, more = parser.parse_args(arguments[:end]), arguments[end + 1 :]
    with tempfile.TemporaryDirectory() as work:
        registry = ["--registry", f"{work}/registry"]
        train, validation = split(a.rows, Path(work))
        data = ["--mask-prompt", "--chat-template", "chatml", "--max-seq-length", str(LENGTH)]
        command = [a.tool, "train", "--base", a.model, "--data", str(train), "--val-data", str(validation), *data]
        command += ["--max-steps", str(a.steps), "--lr", "5e-4", "--warmup-steps", str(max(1, a.steps // 20))]
        command += ["--eval-steps", str(max(1, a.steps // 4)), "--save-steps", "0", "-t", "tuned", "--json", *registry, *more]
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        events = [json.loads(line) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"{' '.join(command)} failed")
        seconds = time.perf_counter() - begun
        losses = [event["loss"] for event in events if event["event"] == "validation"]
        done = events[-1]
        best = done["bestValidationLoss"]
        print(f"validation loss {losses[0]:.4f} -> {best:.4f} at step {done['bestStep']} of {done['lastStep']}")
        print(f"{seconds:.1f} s, {done['tokensPerSecond']} tokens/s, peak {usage.ru_maxrss / 1e3:.0f} MB, "
              f"{done['byteCount'] / 1e6:.1f} MB stored")
        if a.no_peft:
            return
        subprocess.run([a.tool, "pull", "tuned", "-o", f"{work}/peft", *registry], check=True, stdout=subprocess.DEVNULL)
        other = peft_loss(a.model, f"{work}/peft", chatml(a.model, validation))
        print(f"in PEFT {other:.6f}, {abs(other - best):.1e} apart")
        if not abs(other - best) <= TOLERANCE * best:
            sys.exit("PEFT computes another loss")


if __name__ == "__main__":
    main()
