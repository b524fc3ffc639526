#!/usr/bin/env python3
"""Writes the test vectors.

FOLDER/valid has NAME.adpt and, in NAME.json, what a decoder must find in it. FOLDER/malformed has CODE--WHAT.adpt,
which a reader must refuse with that code.

    make_vectors.py [FOLDER]        FOLDER is fixtures/data of this checkout unless it is given

Files whose vector no longer exists are removed. Another version of zstd may compress to other bytes.
"""

import json
import pathlib
import sys

import malformed_vectors
import valid_vectors
import writer


def main(arguments: list[str]) -> None:
    default = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "data"
    folder = pathlib.Path(arguments[0]) if arguments else default

    valid = {}
    for name, make in valid_vectors.VECTORS:
        adapter = make()
        file = writer.write(adapter)
        expected = json.dumps(valid_vectors.describe(adapter, file), indent=1, ensure_ascii=False)
        valid[f"{name}.adpt"] = file
        valid[f"{name}.json"] = expected.encode() + b"\n"
    replace(folder / "valid", valid)
    replace(folder / "malformed", {f"{name}.adpt": make() for name, make in malformed_vectors.VECTORS.items()})


def replace(folder: pathlib.Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    print(f"{folder.name}: {len(files)} files, {sum(map(len, files.values())):,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
