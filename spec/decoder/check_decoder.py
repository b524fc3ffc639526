#!/usr/bin/env python3
"""Holds the decoder against files: test vectors, golden files, and files that adapterctl writes of PEFT's adapters.

    check_decoder.py FIXTURES ADAPTERCTL        FIXTURES is fixtures/data, ADAPTERCTL the program

Prints each failure and the counts; exit status 1 if something failed.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "python"))

import adpt as package  # noqa: E402
from adpt import Fault, chunks  # noqa: E402
from adpt import file as adpt  # noqa: E402

CODECS = {"raw": {0, 1}, "zstd": {0, 1, 3}, "planes": {0, 1, 2}}

# The name that PEFT gives to a tensor below its module, by the kind of the module and the tensor's role.
FACTORS = {
    ("embedding", "A"): "lora_embedding_A",
    ("embedding", "B"): "lora_embedding_B",
    "A": "lora_A.weight",
    "B": "lora_B.weight",
}


class Tally:
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, name: str, body: Callable[[], str | None]) -> None:
        """Counts the check; the body says what is wrong, or nothing."""
        try:
            wrong = body()
        except Fault as fault:
            wrong = f"{fault.code}: {fault.message}"
        if wrong is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"{name}: {wrong}")


def valid(path: pathlib.Path) -> str | None:
    found = adpt.describe(path.read_bytes())
    expected = json.loads(path.with_suffix(".json").read_text())
    # Compared as text: 1 and 1.0, 0.0 and -0.0 differ.
    return None if json.dumps(found) == json.dumps(expected) else "holds other values than it should"


def malformed(path: pathlib.Path) -> str | None:
    code = path.name.split("--")[0]
    try:
        adpt.describe(path.read_bytes())
    except Fault as fault:
        return None if fault.code == code else f"{fault.code}: {fault.message}"
    return "is accepted"


def golden(path: pathlib.Path) -> str | None:
    adpt.describe(path.read_bytes())
    return None


def safetensors(path: pathlib.Path) -> dict[str, tuple[str, list[int], bytes]]:
    """The tensors of a safetensors file: dtype, shape, bytes."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    header.pop("__metadata__", None)
    return {
        name: (entry["dtype"].lower(), entry["shape"], raw[start:][slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def stored_as_peft(kind: str, role: str, elements: np.ndarray, shape: list[int]) -> np.ndarray | None:
    """The elements in the arrangement of PEFT's file, which has that shape."""
    if list(elements.shape) == shape:
        return elements
    if kind == "experts" and role == "A":  # [E, r, in], in PEFT [E·r, in]
        return elements.reshape(shape)
    if kind == "experts" and role == "B":  # [E, out, r], in PEFT [out, r·E] with the experts innermost
        return elements.transpose(1, 2, 0).reshape(shape)
    # BD-LoRA keeps the blocks of a block-diagonal matrix below each other, or beside each other.
    rows, columns = elements.shape
    count = max(rows // shape[0], columns // shape[1])
    height, width = rows // count, columns // count
    blocks = [elements[i * height : (i + 1) * height, i * width : (i + 1) * width] for i in range(count)]
    if sum(np.count_nonzero(block) for block in blocks) != np.count_nonzero(elements):
        return None
    return np.concatenate(blocks, axis=0 if columns > shape[1] else 1)


def written(file: adpt.AdapterFile, source: pathlib.Path, codec: str) -> str | None:
    """Whether a file holds the tensors of a PEFT folder, all of them and no others, stored with the codec."""
    remaining = safetensors(source)
    for module in file.modules:
        kind = adpt.KINDS[module.kind]
        for tensor in module.tensors:
            role = adpt.ROLES[tensor.role]
            below = FACTORS.get((kind, role)) or FACTORS.get(role) or tensor.name
            name = ".".join(["base_model.model", *filter(None, [module.name]), below])
            if name not in remaining:
                return f"{name} is not in the adapter"
            dtype, shape, raw = remaining.pop(name)
            found = stored_as_peft(kind, role, file.array(module, tensor), shape)
            if dtype != tensor.dtype_name or found is None or list(found.shape) != shape or found.tobytes() != raw:
                return f"{name} has other values"
            if not {chunk.codec for chunk in tensor.chunks} <= CODECS[codec]:
                return f"{name} is not stored as {codec}"
    return f"{sorted(remaining)} are missing" if remaining else None


def loaded(path: pathlib.Path, source: pathlib.Path) -> str | None:
    """Whether the package gives the tensors and the configuration of a PEFT folder."""
    expected = safetensors(source)
    tensors = package.load_file(path)
    if sorted(tensors) != sorted(expected):
        return "load_file gives other names"
    with package.safe_open(path) as file:
        for name, (dtype, shape, raw) in expected.items():
            if list(tensors[name].shape) != shape or file.get_raw(name).tobytes() != raw:
                return f"load_file gives other values of {name}"
            if dtype == "bf16":
                bits = np.frombuffer(raw, dtype="<u2").reshape(shape)
                if not np.array_equal(tensors[name], chunks.as_floats(bits, "bf16").astype(np.float32)):
                    return f"load_file widens {name} to other values"
    # As numbers: a configuration keeps 1 and 1.0 apart, which JSON of the file does too.
    config = json.loads((source.parent / "adapter_config.json").read_text())
    found = package.load_config(path)
    if json.dumps(found, sort_keys=True) != json.dumps(config, sort_keys=True):
        return "load_config gives another configuration"
    return None


def made(path: pathlib.Path, folder: pathlib.Path) -> str | None:
    """Whether the package makes the configuration for an adapter that has none as adapterctl does."""
    config = json.loads((folder / "adapter_config.json").read_text())
    found = package.load_config(path)
    for key, value in found.items():
        if key == "lora_dropout":
            continue
        other = config[key]
        if (sorted(other) if isinstance(other, list) else other) != value:
            return f"{key} is {value}, adapterctl writes {other}"
    return None


def write_and_check(tally: Tally, fixtures: pathlib.Path, adapterctl: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)

        def run(*arguments: str) -> dict:
            command = [adapterctl, *arguments, "--registry", str(folder / "registry"), "--json"]
            return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

        for source in sorted((fixtures / "peft").rglob("adapter_model.safetensors")):
            name = "-".join(source.parent.relative_to(fixtures / "peft").parts)
            roots = set()
            for codec in CODECS:
                path = folder / f"{name}-{codec}.adpt"
                run("push", str(source.parent), f"{name}:{codec}", "--codec", codec)
                run("pull", f"{name}:{codec}", "-o", str(path))

                def compare() -> str | None:
                    file = adpt.AdapterFile(path.read_bytes())
                    roots.add(file.content_root)
                    return written(file, source, codec)

                tally.check(f"{name} as {codec}", compare)
                tally.check(f"{name} as {codec}, loaded", lambda: loaded(path, source))
            tally.check(name, lambda: None if len(roots) == 1 else f"{len(roots)} content roots")
        run("merge", "llama-task-a:raw=0.7", "llama-task-c:raw=0.4", "-t", "merged", "--method", "cat")
        merged, target = folder / "merged.adpt", folder / "merged"
        run("pull", "merged", "-o", str(merged))
        run("pull", "merged", "-o", str(target))
        tally.check("merged, loaded", lambda: made(merged, target))


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 64
    fixtures, adapterctl = pathlib.Path(arguments[0]), arguments[1]
    tally = Tally()
    for folder, check in (("valid", valid), ("malformed", malformed), ("golden", golden)):
        paths = sorted((fixtures / folder).glob("*.adpt"))
        tally.check(folder, lambda: None if paths else "no files")
        for path in paths:
            tally.check(f"{folder}/{path.name}", lambda: check(path))
    write_and_check(tally, fixtures, adapterctl)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
