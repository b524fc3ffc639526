"""Reads adapter files (.adpt) with NumPy and zstandard alone; every digest on the way is checked.

    import adpt

    tensors = adpt.load_file("support.adpt")          # PEFT's names and NumPy arrays
    config = adpt.load_config("support.adpt")         # what adapter_config.json would say

    with adpt.safe_open("support.adpt") as file:      # one tensor at a time
        for name in file.keys():
            tensor = file.get_tensor(name)

NumPy has no bfloat16 and no 8-bit floats: their values come as float32, exactly. `load_torch` keeps the types.
"""

from .fault import Fault
from .file import AdapterFile, describe
from .peft import config_of
from .reading import load_config, load_file, load_torch, safe_open

__all__ = ["AdapterFile", "Fault", "config_of", "describe", "load_config", "load_file", "load_torch", "safe_open"]
