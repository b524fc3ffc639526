"""Files opened as safetensors are: by name, one tensor at a time or all at once."""

from __future__ import annotations

import mmap
import os

import numpy as np

from . import chunks, peft
from .file import AdapterFile, Module, Tensor

# What NumPy has no type for; their raw bits become float32, exactly.
WIDENED = {"bf16", "f8_e4m3", "f8_e5m2"}


class safe_open:
    """An open file: `keys()`, `get_tensor(name)`, `metadata()`, `config()`.

    Opening checks the header, every table and the content root; reading a tensor checks its chunks and its digest.
    A fault is a `Fault` with the code of annex A of the specification.
    """

    def __init__(self, path: str | os.PathLike, decoded_limit: int | None = None):
        with open(path, "rb") as stream:
            empty = stream.seek(0, os.SEEK_END) == 0
            self._data = b"" if empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self.file = AdapterFile(self._data, decoded_limit)
        self._config = peft.config_of(self.file)
        self._places: dict[str, tuple[Module, Tensor]] = {
            peft.tensor_name(module, tensor): (module, tensor) for module in self.file.modules for tensor in module.tensors
        }

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *_) -> None:
        if isinstance(self._data, mmap.mmap):
            self._data.close()

    def keys(self) -> list[str]:
        """The names of the tensors, as PEFT has them."""
        return list(self._places)

    def metadata(self) -> dict[str, str]:
        """The metadata of the tensor file that the adapter came from."""
        source = (self.file.note or {}).get("source") or {}
        return dict(source.get("fileMetadata") or {"format": "pt"})

    def config(self) -> dict:
        """What adapter_config.json says, or would say."""
        return dict(self._config)

    def dtype(self, name: str) -> str:
        """The element type as it is stored: f32, f16, bf16, f8_e4m3, f8_e5m2, i8, u8, i32 or q8."""
        return self._places[name][1].dtype_name

    def get_raw(self, name: str) -> np.ndarray:
        """The elements in PEFT's arrangement; bf16 and 8-bit floats as their bits."""
        module, tensor = self._places[name]
        return peft.arranged(module, tensor, self.file.array(module, tensor), self._config)

    def get_tensor(self, name: str) -> np.ndarray:
        """The values in PEFT's arrangement."""
        raw = self.get_raw(name)
        dtype = self.dtype(name)
        if dtype not in WIDENED:
            return raw
        return chunks.as_floats(raw, dtype).astype(np.float32)


def load_file(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """All tensors by PEFT's names: what `safetensors.numpy.load_file` gives for the adapter's PEFT folder."""
    with safe_open(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def load_config(path: str | os.PathLike) -> dict:
    """The configuration for `peft.LoraConfig`, as adapter_config.json has it."""
    with safe_open(path) as file:
        return file.config()


def load_torch(path: str | os.PathLike) -> dict:
    """All tensors by PEFT's names as PyTorch tensors of their own types, for `peft.set_peft_model_state_dict`."""
    import torch

    types = {"bf16": torch.bfloat16, "f8_e4m3": torch.float8_e4m3fn, "f8_e5m2": torch.float8_e5m2}
    with safe_open(path) as file:
        result = {}
        for name in file.keys():
            tensor = torch.from_numpy(np.array(file.get_raw(name).view(np.int16) if file.dtype(name) == "bf16" else file.get_raw(name)))
            result[name] = tensor.view(types[file.dtype(name)]) if file.dtype(name) in types else tensor
        return result
