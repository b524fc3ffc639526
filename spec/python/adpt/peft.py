"""Adapters as PEFT (0.21.2) has them: the names and shapes of its tensors, and its configuration."""

from __future__ import annotations

import collections
import math
import re

import numpy as np

from .file import KINDS, ROLES, AdapterFile, Module, Tensor

PREFIX = "base_model.model"
FACTORS = {("embedding", "A"): "lora_embedding_A", ("embedding", "B"): "lora_embedding_B"}
LINEAR_FACTORS = {"A": "lora_A.weight", "B": "lora_B.weight"}


def tensor_name(module: Module, tensor: Tensor) -> str:
    """The name of a tensor in adapter_model.safetensors."""
    kind, role = KINDS[module.kind], ROLES[tensor.role]
    below = FACTORS.get((kind, role)) or LINEAR_FACTORS.get(role) or tensor.name
    if not module.name and role == "opaque":
        return below
    return ".".join(part for part in (PREFIX, module.name, below) if part)


def stored_shape(module: Module, tensor: Tensor) -> tuple[int, ...]:
    """The extents of a tensor in PEFT's file, blocks of BD-LoRA aside."""
    if KINDS[module.kind] == "experts" and ROLES[tensor.role] == "A":
        count, rank, inputs = tensor.shape
        return (count * rank, inputs)
    if KINDS[module.kind] == "experts" and ROLES[tensor.role] == "B":
        count, outputs, rank = tensor.shape
        return (outputs, rank * count)
    return tensor.shape


def arranged(module: Module, tensor: Tensor, elements: np.ndarray, config: dict) -> np.ndarray:
    """The elements as PEFT stores them."""
    kind, role = KINDS[module.kind], ROLES[tensor.role]
    if kind == "experts" and role in ("A", "B"):
        # A: whole experts one after the other. B: column j·E + e is column j of expert e.
        ordered = elements if role == "A" else elements.transpose(1, 2, 0)
        return np.ascontiguousarray(ordered).reshape(stored_shape(module, tensor))
    blocks = config.get("use_bdlora")
    if not blocks or kind not in ("linear", "transposedLinear") or role not in ("A", "B"):
        return elements
    # BD-LoRA keeps the blocks of a block-diagonal factor without the zeros between them; A comes first.
    is_a = any(part in module.name for part in blocks.get("target_modules_bd_a") or [])
    is_b = not is_a and any(part in module.name for part in blocks.get("target_modules_bd_b") or [])
    if not (is_a if role == "A" else is_b):
        return elements
    count = blocks.get("nblocks") or 1
    height, width = elements.shape[0] // count, elements.shape[1] // count
    return np.concatenate([elements[i * height : (i + 1) * height, i * width : (i + 1) * width] for i in range(count)])


def _matching(patterns: dict, name: str):
    """PEFT's rule: the first key that matches the name or its end."""
    return next((value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", name)), None)


def _base_name(name: str) -> str:
    return name.split(".base_layer")[0]


def _describes(config: dict, file: AdapterFile) -> bool:
    """Whether a configuration gives every linear module the rank and alpha that it has."""
    rslora = bool(config.get("use_rslora"))
    for module in file.modules:
        if module.kind == 0 or config.get("target_parameters"):
            continue
        name = _base_name(module.name)
        try:
            rank = _matching(config.get("rank_pattern") or {}, name)
            alpha = _matching(config.get("alpha_pattern") or {}, name)
        except re.error:
            return False
        # Several patterns can match a name; which of them was meant the tensors say, so ranks are not compared.
        known = (config.get("r", 8) if rank is None else module.rank, config.get("lora_alpha", 8) if alpha is None else alpha)
        if known != (module.rank, module.alpha) or rslora != (module.rule == 1):
            return False
    roles = {ROLES[tensor.role] for module in file.modules for tensor in module.tensors}
    return bool(config.get("use_dora")) == ("magnitude" in roles) and bool(config.get("lora_bias")) == ("updateBias" in roles)


def config_of(file: AdapterFile) -> dict:
    """The configuration that came with the adapter while it describes it, else one made from the modules."""
    source = (file.note or {}).get("source") or {}
    config = source.get("configuration")
    if source.get("layout") == "peft" and isinstance(config, dict) and _describes(config, file):
        return dict(config)
    return _made(file)


def _made(file: AdapterFile) -> dict:
    updates = [module for module in file.modules if module.kind != 0]
    roles = {ROLES[tensor.role] for module in file.modules for tensor in module.tensors}
    if len({module.rule for module in updates}) > 1:
        raise ValueError("some modules scale by rank and some by its square root, which PEFT cannot say")
    rank = _commonest([module.rank for module in updates], 8)
    alpha = _commonest([module.alpha for module in updates], 8)
    base = file.meta.get("base") or {}
    whole = [m.name for m in file.modules if m.kind == 0 and m.name and any(ROLES[t.role] == "parameter" for t in m.tensors)]
    return {
        "peft_type": "LORA",
        "base_model_name_or_path": base.get("name"),
        "revision": base.get("revision"),
        "inference_mode": True,
        "r": rank,
        "lora_alpha": _number(alpha),
        "rank_pattern": {f"^{re.escape(m.name)}": m.rank for m in updates if m.rank != rank},
        "alpha_pattern": {f"^{re.escape(m.name)}": _number(m.alpha) for m in updates if m.alpha != alpha},
        "target_modules": sorted({_base_name(m.name) for m in updates}),
        "use_rslora": any(m.rule == 1 for m in updates),
        "use_dora": "magnitude" in roles,
        "lora_bias": "updateBias" in roles,
        "fan_in_fan_out": any(KINDS[m.kind] == "transposedLinear" for m in updates),
        "bias": "all" if "baseBias" in roles else "none",
        "modules_to_save": whole or None,
        "lora_dropout": 0.0,
    }


def _commonest(values: list, default):
    counts = collections.Counter(values)
    return min(counts, key=lambda value: (-counts[value], value)) if counts else default


def _number(value: float) -> float | int:
    return int(value) if math.isfinite(value) and value == int(value) else value
