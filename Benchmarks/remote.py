#!/usr/bin/env python3
"""Push and pull of one large adapter: adapterctl, skopeo and oras against one docker-registry, in turns.

    Scripts/setup-peers
    swift build -c release --product adapterctl
    remote.py [--size 1000] [--rounds 3] [--tool PATH] [--folder /dev/shm] [--check]

Every transfer starts from nothing: the registry's data is removed before a push, the target before a pull. All of them
end with the bytes whose SHA-256 is known; a tool that brings others is reported as failed. Wall seconds are medians over
the rounds; beside them the processor seconds of the client and its largest resident set, and at the end how many times as
fast as each of the others adapterctl was. With --check the exit code is 1 when that is less than 1.0 anywhere.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def write_adapter(folder, megabytes):
    """A PEFT folder of random numbers: what no codec makes smaller."""
    folder.mkdir()
    count = 8
    rows = megabytes * 1_000_000 // (count * 64 * 2)
    header, offset = {}, 0
    for index in range(count):
        for name, shape in (("lora_A", [64, 64]), ("lora_B", [rows, 64])):
            size = 2 * shape[0] * shape[1]
            header[f"base_model.model.layers.{index}.q_proj.{name}.weight"] = {
                "dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
            offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "adapter_model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        left = offset
        while left:
            piece = min(left, 16 << 20)
            file.write(os.urandom(piece))
            left -= piece
    (folder / "adapter_config.json").write_text(json.dumps({
        "peft_type": "LORA", "r": 64, "lora_alpha": 64, "target_modules": ["q_proj"], "bias": "none"}))


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Registry:
    """docker-registry in a folder of its own."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        self.data = folder / "registry"
        self.data.mkdir()
        configuration = folder / "registry.yml"
        configuration.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.data}}}, maintenance: {{uploadpurging: {{enabled: false}}}}}}\n"
            f"http: {{addr: '{self.host}', secret: x}}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", configuration], stderr=subprocess.DEVNULL)
        address = self.host.split(":")
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex((address[0], int(address[1]))) == 0:
                    return
            time.sleep(0.05)
        sys.exit("docker-registry does not start")

    def clear(self):
        for entry in self.data.iterdir():
            shutil.rmtree(entry)


def run(command, cwd=None, env=None):
    """Wall seconds, processor seconds, largest resident set in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = status
    if status != 0:
        sys.exit(f"{command}: {errors.decode()}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1000, help="megabytes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tool", default=ROOT / ".build/release/adapterctl")
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--check", action="store_true", help="fail when another tool was faster")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="adapterctl-remote-", dir=options.folder))
    registry = None
    try:
        write_adapter(folder / "peft", options.size)
        local = dict(os.environ, ADAPTERCTL_REGISTRY=str(folder / "local"), NO_COLOR="1")
        run([options.tool, "push", folder / "peft", "big:v1", "--codec", "raw"], env=local)
        shutil.rmtree(folder / "peft")
        run([options.tool, "pull", "big:v1", "-o", folder / "adapter.adpt"], env=local)
        expected = digest(folder / "adapter.adpt")
        run([options.tool, "push", "big:v1", f"oci:{folder}/layout:v1"], env=local)
        registry = Registry(folder)
        remote = f"{registry.host}/big:v1"
        python = ROOT / ".build-peers/bin/python"
        oras = ("import sys, oras.client\n"
                "client = oras.client.OrasClient(hostname=sys.argv[2], insecure=True, tls_verify=False)\n"
                "if sys.argv[1] == 'push':\n"
                "    client.push(target=sys.argv[3], files=['adapter.adpt'], disable_path_validation=True)\n"
                "else:\n"
                "    client.pull(target=sys.argv[3], outdir=sys.argv[4])\n")
        pulled = dict(os.environ, ADAPTERCTL_REGISTRY=str(folder / "pulled"), NO_COLOR="1")
        tools = {
            "adapterctl": (
                [options.tool, "push", "big:v1", f"oci://{remote}"], local,
                [options.tool, "pull", f"oci://{remote}"], pulled, "pulled"),
            "skopeo": (
                ["skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", f"oci:{folder}/layout:v1",
                 f"docker://{remote}"], None,
                ["skopeo", "copy", "--insecure-policy", "--src-tls-verify=false", f"docker://{remote}",
                 f"oci:{folder}/skopeo:v1"], None, "skopeo"),
            "oras": (
                [python, "-c", oras, "push", registry.host, remote], None,
                [python, "-c", oras, "pull", registry.host, remote, folder / "oras"], None, "oras"),
        }
        results = {name: ([], []) for name in tools}
        for _ in range(options.rounds):
            for name, (push, push_env, pull, pull_env, target) in tools.items():
                registry.clear()
                results[name][0].append(run(push, cwd=folder, env=push_env))
                shutil.rmtree(folder / target, ignore_errors=True)
                results[name][1].append(run(pull, cwd=folder, env=pull_env))
                files = [path for path in (folder / target).rglob("*") if path.is_file()]
                largest = max(files, key=lambda path: path.stat().st_size)
                if digest(largest) != expected:
                    sys.exit(f"{name} brought other bytes")
                shutil.rmtree(folder / target)
        size = (folder / "adapter.adpt").stat().st_size
        print(f"{size / 1e6:.0f} MB, medians of {options.rounds} rounds")
        print(f"{'':<12} {'push s':>8} {'MB/s':>7} {'CPU s':>6} {'MB':>5}   {'pull s':>8} {'MB/s':>7} {'CPU s':>6} {'MB':>5}")
        for name, directions in results.items():
            line = f"{name:<12}"
            for runs in directions:
                wall, cpu, memory = (statistics.median(run[index] for run in runs) for index in range(3))
                line += f" {wall:8.2f} {size / 1e6 / wall:7.0f} {cpu:6.2f} {memory:5.0f}  "
            print(line)
        walls = {name: [statistics.median(run[0] for run in runs) for runs in directions]
                 for name, directions in results.items()}
        ours = walls.pop("adapterctl")
        ratios = {name: [other / own for other, own in zip(walls[name], ours)] for name in walls}
        for name, (push, pull) in ratios.items():
            print(f"adapterctl is {push:.2f} times as fast as {name} at pushing, {pull:.2f} times at pulling")
        if options.check and min(min(pair) for pair in ratios.values()) < 1:
            sys.exit("another tool was faster")
    finally:
        if registry:
            registry.process.terminate()
            registry.process.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
