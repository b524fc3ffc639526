"""Many clients push to adapterd and pull from it at once: Benchmarks/load_server.py ADAPTERD [SECONDS] [CLIENTS]

Each client pushes a blob of its own and a manifest, pulls what it and others pushed, and compares every byte's digest.
Prints what was done a second, and the server's memory at the start, in the middle and at the end; exits 1 after any
error. Needs nothing but Python.
"""

import hashlib
import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

server = sys.argv[1]
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60
clients = int(sys.argv[3]) if len(sys.argv) > 3 else 64
SIZES = [4_096, 65_536, 1_048_576, 4_194_304]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

lock = threading.Lock()
counts, byte_counts, errors, tags = {}, {}, [], []


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def note(kind, size):
    with lock:
        counts[kind] = counts.get(kind, 0) + 1
        byte_counts[kind] = byte_counts.get(kind, 0) + size


def client(number, port, end):
    generator = random.Random(number)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(method, path, body=None, kind=None, expect=200):
        connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != expect:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:200]!r}")
        return answer, data

    name = f"load/c{number}"
    try:
        while time.monotonic() < end:
            blob = generator.randbytes(generator.choice(SIZES))
            digest = sha256(blob)
            answer, _ = ask("POST", f"/v2/{name}/blobs/uploads/", b"", expect=202)
            ask("PUT", f"{answer.headers['Location']}?digest={digest}", blob, "application/octet-stream", 201)
            note("push blob", len(blob))
            entry = {"mediaType": "application/octet-stream", "digest": digest, "size": len(blob)}
            manifest = json.dumps({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": entry, "layers": [entry]}).encode()
            tag = f"t{generator.randrange(8)}"
            ask("PUT", f"/v2/{name}/manifests/{tag}", manifest, MANIFEST, 201)
            note("push manifest", len(manifest))
            with lock:
                tags.append((name, sha256(manifest)))
                pulls = [generator.choice(tags) for _ in range(3)]
            for other, reference in pulls:
                _, data = ask("GET", f"/v2/{other}/manifests/{reference}")
                assert sha256(data) == reference
                layer = json.loads(data)["layers"][0]
                _, data = ask("GET", f"/v2/{other}/blobs/{layer['digest']}")
                assert sha256(data) == layer["digest"]
                note("pull", len(data))
    except Exception as error:  # Every kind of failure is what this looks for.
        with lock:
            errors.append(f"client {number}: {error!r}")


def resident(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


with tempfile.TemporaryDirectory() as folder:
    port = 5898
    process = subprocess.Popen(
        [server, "--registry", f"{folder}/registry", "--listen", f"127.0.0.1:{port}", "--log-level", "error"])
    try:
        start = time.monotonic()
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port)
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                break
            except ConnectionRefusedError:
                time.sleep(0.002)
        print(f"first answer after {(time.monotonic() - start) * 1000:.0f} ms, {resident(process):.0f} MB")
        begin = time.monotonic()
        threads = [
            threading.Thread(target=client, args=(number, port, begin + seconds)) for number in range(clients)]
        for thread in threads:
            thread.start()
        memory = []
        while any(thread.is_alive() for thread in threads):
            time.sleep(1)
            memory.append(resident(process))
        elapsed = time.monotonic() - begin
        print(f"{clients} clients, {elapsed:.0f} s, {len(errors)} errors")
        print(f"{'':16}{'a second':>10}{'MB/s':>10}")
        for kind in counts:
            print(f"{kind:16}{counts[kind] / elapsed:10.1f}{byte_counts[kind] / elapsed / 1e6:10.1f}")
        third = max(1, len(memory) // 3)
        print(f"memory, MB: first third at most {max(memory[:third]):.0f}, last third at most {max(memory[-third:]):.0f}")
        for error in errors[:10]:
            print(error)
    finally:
        process.terminate()
        process.wait()
sys.exit(1 if errors else 0)
