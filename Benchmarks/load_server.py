"""Many clients push to adapterd and pull from it at once: Benchmarks/load_server.py ADAPTERD [SECONDS] [CLIENTS]

Each client pushes a blob of its own and a manifest, pulls what it and others pushed, and compares every byte's digest.
Prints what was done a second, and the server's memory. Exits 1 after any error, when the best of three starts takes more
than 100 ms to the first answer, when the server has more than 50 MB after five idle seconds, and, in runs of half a minute
and more, when it has 20 % more in the last third than in the first. Needs nothing but Python.
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


def start(folder, port):
    """A server that answers, and how many milliseconds that took."""
    begin = time.monotonic()
    process = subprocess.Popen(
        [server, "--registry", f"{folder}/registry", "--listen", f"127.0.0.1:{port}", "--log-level", "error"])
    while process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return process, (time.monotonic() - begin) * 1000
        except ConnectionRefusedError:
            time.sleep(0.002)
    sys.exit("the server does not start")


def check(holds, message):
    if not holds:
        errors.append(message)


with tempfile.TemporaryDirectory() as folder:
    port = int(os.environ.get("PORT", 5898))
    starts = []
    for attempt in range(3):
        process, milliseconds = start(folder, port)
        starts.append(milliseconds)
        if attempt < 2:
            process.terminate()
            process.wait()
    try:
        time.sleep(5)
        idle = resident(process)
        print(f"first answer after {min(starts):.0f} ms, {idle:.0f} MB after five idle seconds")
        check(min(starts) <= 100, f"the first answer came after {min(starts):.0f} ms, at most 100 are allowed")
        check(idle <= 50, f"the idle server has {idle:.0f} MB, at most 50 are allowed")
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
        print(f"{clients} clients, {elapsed:.0f} s")
        print(f"{'':16}{'a second':>10}{'MB/s':>10}")
        for kind in counts:
            print(f"{kind:16}{counts[kind] / elapsed:10.1f}{byte_counts[kind] / elapsed / 1e6:10.1f}")
        third = max(1, len(memory) // 3)
        first, last = max(memory[:third]), max(memory[-third:])
        print(f"memory, MB: first third at most {first:.0f}, last third at most {last:.0f}")
        # What is allocated for the first time is no growth.
        check(seconds < 30 or last <= 1.2 * first, f"the memory grew from {first:.0f} to {last:.0f} MB")
        check(counts.get("pull", 0) > 0, "nothing was pulled")
    finally:
        process.terminate()
        process.wait()
for error in errors[:10]:
    print(error)
sys.exit(1 if errors else 0)
