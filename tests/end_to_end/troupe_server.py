# SPDX-License-Identifier: Apache-2.0
"""A troupe server as a user runs it: the real program on a free loopback port, started and ended by pid."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("TROUPE_BINARY", str(ROOT / "build/release/troupe"))
MODEL = os.environ.get("TROUPE_TEST_MODEL", str(ROOT / ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"))
# Sanitized builds compute several times slower; every limit below is multiplied.
SLOWNESS = float(os.environ.get("TROUPE_TEST_SLOWNESS", "1"))
MODEL_NAME = "demo"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_troupe(*arguments, timeout=30):
    """Runs a command to its end; the result has returncode, stdout and stderr as text."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=timeout * SLOWNESS)


def wait_until(condition, seconds, what):
    """Polls `condition` until it is true; fails naming `what` when `seconds` (times SLOWNESS) have passed."""
    deadline = time.monotonic() + seconds * SLOWNESS
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds * SLOWNESS:g} s: {what}"
        time.sleep(0.02)


class TroupeServer:
    def __init__(self, data_dir, *options, model=MODEL):
        self.data_dir = pathlib.Path(data_dir)
        self.port, self.admin_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = self.data_dir.with_suffix(".log")
        command = [BINARY, "serve", "--model", model, "--served-model-name", MODEL_NAME, "--host", "127.0.0.1",
                   "--port", self.port, "--admin-port", self.admin_port, "--data-dir", self.data_dir, *options]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def get(self, path, timeout=10):
        """(status, text) of a GET; (0, reason) when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout * SLOWNESS) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait_ready(self, seconds=60):
        def ready():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.log()}"
            return self.get("/health/ready")[0] == 200

        wait_until(ready, seconds, f"/health/ready of\n{self.log()}")
        return self

    def metrics(self):
        """{'name{labels}': value} of /metrics."""
        status, text = self.get("/metrics")
        assert status == 200, text
        pattern = re.compile(r"^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)$", re.MULTILINE)
        return {name: float(value) for name, value in pattern.findall(text)}

    def kv_blocks(self):
        """{state: blocks} of the KV pool."""
        pattern = re.compile(r'troupe_kv_blocks\{.*?state="(\w+)".*\}')
        blocks = {}
        for name, value in self.metrics().items():
            if match := pattern.fullmatch(name):
                blocks[match.group(1)] = blocks.get(match.group(1), 0) + int(value)
        assert blocks, "/metrics has no troupe_kv_blocks{state=...}"
        return blocks

    def blocks_in_use(self):
        """Blocks of running sequences, or leaked ones: neither free nor kept for their prefix."""
        blocks = self.kv_blocks()
        return blocks["leased"] + blocks["quarantined"]

    def wait_idle(self, seconds=10):
        wait_until(lambda: self.blocks_in_use() == 0, seconds, "all KV blocks returned")

    def actors(self):
        result = run_troupe("ps", "--admin", f"127.0.0.1:{self.admin_port}", "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)["actors"]

    def worker_pids(self):
        return {actor["pid"] for actor in self.actors() if actor["pid"] != self.process.pid}

    def audit_text(self):
        return "".join(path.read_text(errors="replace") for path in sorted(self.data_dir.rglob("*")) if path.is_file())

    def terminate(self):
        """SIGTERM, and its exit status once everything has drained. A second signal would end it at once."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait_ended()

    def wait_ended(self, seconds=30):
        try:
            return self.process.wait(seconds * SLOWNESS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end after SIGTERM:\n{self.log()}") from None
