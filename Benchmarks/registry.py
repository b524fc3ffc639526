#!/usr/bin/env python3
"""Speed of a large registry: whole processes of adapterctl, and MLflow's model registry on SQLite beside it.

    pip install mlflow-skinny sqlalchemy alembic numpy
    swift build -c release --product adapterctl            (in the repository)
    swift build -c release --package-path Benchmarks
    Benchmarks/.build/release/RegistryFill /dev/shm/registry 100000 1000000
    registry.py scale /dev/shm/registry          # list, search, show, tag, push, collection; --check for the limits
    registry.py collection /dev/shm/copy         # half of a copy's adapters are collected; the copy's log no longer fits
    registry.py mlflow /dev/shm/mlflow.db        # the same numbers of models, versions and aliases
    registry.py push                             # 300 MB against hashing and writing the same bytes

Times are medians over runs, in milliseconds; the 90th percentile stands beside them.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEFT = ROOT / "fixtures/data/peft"
BASE_DIGEST = "sha256:" + hashlib.sha256(b"a base").hexdigest()

# What a registry of 100 000 adapters and 1 000 000 tags shall hold to.
PAGE_LIMIT = 30  # ms, a whole process
PUSH_LIMIT = 2  # times the push into an empty registry
COLLECTION_LIMIT = 60  # s


def timed(run, count):
    times = []
    for index in range(count):
        start = time.perf_counter()
        run(index)
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return statistics.median(times), times[int(0.9 * (len(times) - 1))]


def report(name, result):
    print(f"{name:<44} {result[0]:9.2f} {result[1]:9.2f}", flush=True)
    return result[0]


class Limits:
    """What was measured against what it shall hold to."""

    def __init__(self):
        self.exceeded = []

    def hold(self, name, value, limit):
        if value > limit:
            self.exceeded.append(f"{name}: {value:.2f}, at most {limit} are allowed")

    def end(self, options):
        for line in self.exceeded:
            print(f"above the limit: {line}")
        if options.check and self.exceeded:
            sys.exit(1)


def scale(options):
    limits = Limits()

    def tool(*arguments, registry=options.registry):
        done = subprocess.run(
            [options.tool, *map(str, arguments)], env=dict(os.environ, ADAPTERCTL_REGISTRY=str(registry)),
            capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{arguments}: {done.stderr}")
        return done.stdout

    print(json.dumps(json.loads(tool("stats", "--json"))))
    print(f"{'whole process':<44} {'median ms':>9} {'p90 ms':>9}")
    name = "team-42/adapter-50042"
    deep = f"{name}:v5"
    cases = {
        "--version": ("--version",),
        "list, first page": ("list",),
        "list, page in the middle": ("list", "--after", deep),
        "list 'team-42/*'": ("list", "team-42/*"),
        "list --sort created": ("list", "--sort", "created"),
        "list --sort size --after": ("list", "--sort", "size", "--after", deep),
        "list --sort rank --reverse": ("list", "--sort", "rank", "--reverse"),
        "list --base (1 in 50)": ("list", "--base", "company/model-7"),
        "list --base 'company/*' (all)": ("list", "--base", "company/*"),
        "list --base NAME@REVISION (1 in 150)": ("list", "--base", "company/model-7@r1"),
        "list --base (none)": ("list", "--base", "company/none"),
        "list --label (1 in 100)": ("list", "--label", "rare=yes"),
        "list --label (1 in 2)": ("list", "--label", "stage=production"),
        "list --label (none)": ("list", "--label", "stage=absent"),
        "list --target (1 in 4)": ("list", "--target", "v_proj"),
        "list --target (none)": ("list", "--target", "absent"),
        "list --rank (1 in 4)": ("list", "--rank", 2),
        "list --rank (none)": ("list", "--rank", 5),
        "list --rank 2 --sort rank (at the end)": ("list", "--rank", 2, "--sort", "rank"),
        "list --dtype (all)": ("list", "--dtype", "f32"),
        "list --dtype (none)": ("list", "--dtype", "bf16"),
        "list --rank 8 --target v_proj": ("list", "--rank", 8, "--target", "v_proj"),
        "list --rank 8 --target q_proj (none of both)": ("list", "--rank", 8, "--target", "q_proj"),
        "list, four filters": ("list", "--label", "stage=production", "--rank", 8, "--dtype", "f32", "--base", "company/model-7"),
        "list --tag (1 in 10)": ("list", "--tag", "v5"),
        "list --tag '*9' (1 in 10)": ("list", "--tag", "*9"),
        "list '*50042' (one)": ("list", "*50042"),
        "list --base sha256:… (1 in 1000)": ("list", "--base", BASE_DIGEST),
        "list --base '*/rare' (1 in 1000)": ("list", "--base", "*/rare"),
        "list --base '*/none' (none)": ("list", "--base", "*/none"),
        "list --label (a repository of 5000)": ("list", "--label", "bulk=yes"),
        "list --label (a repository of 5000), further": ("list", "--label", "bulk=yes", "--after", "zoo/bulk:v5-50003"),
        "list --label (a repository of 5000), by rank": ("list", "--label", "bulk=yes", "--sort", "rank"),
        "list --label (a repository of 5000, none)": ("list", "--label", "bulk=yes", "--target", "q_proj"),
        "search a word of 1 in 100": ("list", "--search", "needle"),
        "search a word of all": ("list", "--search", "adapter"),
        "search a word of 1 in 2": ("list", "--search", "production"),
        "search a word of 1 in 4": ("list", "--search", "v_proj"),
        "search a word's beginning (1 in 9)": ("list", "--search", "number 5*"),
        "search a word of one": ("list", "--search", "50042"),
        "search, two words, by size": ("list", "--search", "needle task", "--sort", "size"),
        "search what is not there": ("list", "--search", "absent"),
        "show": ("show", f"{name}:v3"),
        "history of a name": ("history", name),
        "log, first page": ("log",),
        "lineage": ("lineage", f"{name}:v3"),
    }
    for label, arguments in cases.items():
        limits.hold(label, report(label, timed(lambda _: tool(*arguments), options.runs)), PAGE_LIMIT)
    stamp = time.time_ns()
    for label, source, target in (("tag", "v3", f"bench-{stamp}-{{}}"), ("tag, moved", "v{}", "live")):
        time_taken = timed(
            lambda index: tool("tag", f"{name}:{source.format(index % 2 + 1)}", f"{name}:{target.format(index)}", "-q"),
            options.runs)
        limits.hold(label, report(label, time_taken), PAGE_LIMIT)

    with tempfile.TemporaryDirectory(dir=pathlib.Path(options.registry).parent) as folder:
        empty = pathlib.Path(folder) / "empty"
        tool("stats", registry=empty)
        times = {"into the empty one": [], "into the full one": []}
        for index in range(options.runs):
            # In turn, so that both meet the same machine.
            for label, registry in (("into the empty one", empty), ("into the full one", options.registry)):
                start = time.perf_counter()
                tool("push", PEFT / "llama-task-a", f"bench/push-{index}:v1", "--label", f"run={stamp}-{index}", "-q",
                     registry=registry)
                times[label].append(1000 * (time.perf_counter() - start))
        for label, values in times.items():
            values.sort()
            report(f"push {label}", (statistics.median(values), values[int(0.9 * (len(values) - 1))]))
        ratio = statistics.median(times["into the full one"]) / statistics.median(times["into the empty one"])
        print(f"push: {ratio:.2f} times the push into an empty registry")
        limits.hold("push", ratio, PUSH_LIMIT)

    for index in range(options.runs):
        tool("rm", f"bench/push-{index}:v1", "-q")
    for label, arguments in {"gc, dry run": ("gc", "--grace", 0), "gc --apply": ("gc", "--apply", "--grace", 0)}.items():
        start = time.perf_counter()
        text = tool(*arguments)
        seconds = time.perf_counter() - start
        print(f"{label:<44} {seconds:9.2f} s   {text.splitlines()[-1]}")
        limits.hold(label, seconds, COLLECTION_LIMIT)
    limits.end(options)


def collection(options):
    """Takes the tags of half of the adapters away, which no command would do at once, and collects these."""
    database = sqlite3.connect(pathlib.Path(options.registry) / "catalog.sqlite")
    with database:
        database.execute("DELETE FROM tag WHERE repositoryId % 2 = 0")
    database.close()
    limits = Limits()
    for words in (("gc", "--grace", 0, "--keep-last", 0), ("gc", "--apply", "--grace", 0, "--keep-last", 0)):
        start = time.perf_counter()
        done = subprocess.run(
            [options.tool, "--registry", options.registry, *map(str, words)], check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        summary = [line for line in done.stdout.splitlines() if "files, " in line]
        print(f"{' '.join(map(str, words)):<44} {seconds:9.2f} s   {summary[-1]}", flush=True)
        limits.hold("gc", seconds, COLLECTION_LIMIT)
    limits.end(options)


def mlflow(options):
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import logging

    logging.disable(logging.INFO)
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
    import mlflow as package

    path = pathlib.Path(options.database)
    fresh = not path.exists()
    store = SqlAlchemyStore(f"sqlite:///{path}")
    if fresh:
        now = int(time.time() * 1000)
        database = sqlite3.connect(path)
        with database:
            names = [f"team-{i % 100}.adapter-{i}" for i in range(options.models)]
            database.executemany(
                "INSERT INTO registered_models (name, creation_time, last_updated_time, description, workspace) "
                "VALUES (?, ?, ?, ?, 'default')",
                ((name, now + i, now + i, f"adapter number {i}") for i, name in enumerate(names)))
            database.executemany(
                "INSERT INTO model_versions (name, version, creation_time, last_updated_time, current_stage, source, "
                "status, workspace) VALUES (?, 1, ?, ?, 'None', '/tmp/x', 'READY', 'default')",
                ((name, now + i, now + i) for i, name in enumerate(names)))
            database.executemany(
                "INSERT INTO registered_model_aliases (alias, version, name, workspace) VALUES (?, 1, ?, 'default')",
                ((f"v{k}", name) for name in names for k in range(options.aliases // options.models)))
            database.executemany(
                "INSERT INTO registered_model_tags (key, value, name, workspace) VALUES (?, ?, ?, 'default')",
                (("rare", "yes", name) for i, name in enumerate(names) if i % 100 == 7))
        database.close()
        store = SqlAlchemyStore(f"sqlite:///{path}")
    name = "team-42.adapter-50042" if options.models > 50042 else f"team-{(options.models - 1) % 100}.adapter-{options.models - 1}"
    print(f"mlflow {package.__version__}; calls in one process, so without the start of Python and of MLflow")
    report("first page of models", timed(lambda _: store.search_registered_models(max_results=100), options.runs))
    report(
        "search by tag (1 in 100)",
        timed(lambda _: store.search_registered_models("tags.rare = 'yes'", max_results=100), options.runs))
    report(
        "search by a part of the name",
        timed(lambda _: store.search_registered_models("name LIKE '%50042%'", max_results=100), options.runs))
    report("model version by alias", timed(lambda _: store.get_model_version_by_alias(name, "v3"), options.runs))
    stamp = time.time_ns()
    report("set an alias", timed(lambda i: store.set_registered_model_alias(name, f"b{stamp}-{i}", 1), options.runs))
    report("new version", timed(lambda i: store.create_model_version(name, "/tmp/x"), options.runs))
    code = (
        "from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as S; "
        f"S('sqlite:///{path}').get_model_version_by_alias({name!r}, 'v3')")
    report(
        "model version by alias, whole process",
        timed(lambda _: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True), 3))


def push(options):
    import numpy

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        folder = pathlib.Path(folder)
        source = folder / "adapter"
        source.mkdir()
        random = numpy.random.default_rng(1)
        modules = options.megabytes // 4
        header, offset, pieces = {}, 0, []
        for index in range(modules):
            for part, shape in (("A", (256, 4096)), ("B", (4096, 256))):
                values = (random.standard_normal(shape, dtype=numpy.float32) * 0.02).view(numpy.uint32)
                data = (values >> 16).astype(numpy.uint16).tobytes()
                key = f"base_model.model.model.layers.{index}.self_attn.q_proj.lora_{part}.weight"
                header[key] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
                offset += len(data)
                pieces.append(data)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        (source / "adapter_model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + b"".join(pieces))
        (source / "adapter_config.json").write_text(json.dumps({
            "peft_type": "LORA", "r": 256, "lora_alpha": 256, "target_modules": ["q_proj"], "bias": "none",
            "base_model_name_or_path": "bench/base"}))
        for codec in ("planes", "raw"):
            subprocess.run([options.tool, "pack", source, "-o", folder / f"{codec}.adpt", "--codec", codec, "-q"], check=True)
        size = (source / "adapter_model.safetensors").stat().st_size

        def plain(index, path):
            digest = hashlib.sha256()
            with open(path, "rb") as bytes_in, open(folder / f"plain-{index}", "wb") as out:
                while piece := bytes_in.read(1 << 20):
                    digest.update(piece)
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            os.unlink(folder / f"plain-{index}")

        def tool(index, path, *more):
            registry = folder / "registry"
            subprocess.run(
                [options.tool, "push", path, "bench:v1", "-q", "--no-progress", *more], check=True,
                env=dict(os.environ, ADAPTERCTL_REGISTRY=str(registry)), capture_output=True)
            shutil.rmtree(registry)

        cases = {
            "PEFT folder": (source, source / "adapter_model.safetensors", ()),
            "PEFT folder, --codec raw": (source, source / "adapter_model.safetensors", ("--codec", "raw")),
            "adapter file, planes": (folder / "planes.adpt", folder / "planes.adpt", ()),
            "adapter file, raw": (folder / "raw.adpt", folder / "raw.adpt", ()),
        }
        print(f"{size / 1e6:.0f} MB of bf16; MB/s, the best of {options.runs}, in turn")
        for label, (path, file, more) in cases.items():
            best = {"push": float("inf"), "plain": float("inf")}
            for index in range(options.runs):
                for kind, run in (("plain", lambda i: plain(i, file)), ("push", lambda i: tool(i, path, *more))):
                    start = time.perf_counter()
                    run(index)
                    best[kind] = min(best[kind], time.perf_counter() - start)
            bytes_count = file.stat().st_size
            print(
                f"{label:<28} push {bytes_count / 1e6 / best['push']:7.0f}  hash, write, fsync "
                f"{bytes_count / 1e6 / best['plain']:7.0f}  {100 * best['plain'] / best['push']:5.0f} %", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=ROOT / ".build/release/adapterctl")
    parser.add_argument("--runs", type=int, default=21)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("scale")
    command.add_argument("registry")
    command.add_argument("--check", action="store_true", help="exit with 1 when something is above its limit")
    command.set_defaults(run=scale)
    command = commands.add_parser("collection")
    command.add_argument("registry")
    command.add_argument("--check", action="store_true", help="exit with 1 when something is above its limit")
    command.set_defaults(run=collection)
    command = commands.add_parser("mlflow")
    command.add_argument("database")
    command.add_argument("--models", type=int, default=100_000)
    command.add_argument("--aliases", type=int, default=1_000_000)
    command.set_defaults(run=mlflow)
    command = commands.add_parser("push")
    command.add_argument("--megabytes", type=int, default=300)
    command.add_argument("--folder", default=None)
    command.set_defaults(run=push)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
