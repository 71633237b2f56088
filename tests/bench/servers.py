# SPDX-License-Identifier: Apache-2.0
"""The servers under measurement: how each is started at its best on this machine, and ended by its pid."""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = pathlib.Path(os.environ.get("TROUPE_PEERS", pathlib.Path.home() / ".cache/troupe-peers"))
MODEL = os.environ.get("TROUPE_TEST_MODEL", str(ROOT / ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"))
MODEL_NAME = "demo"


def cores():
    return sorted(os.sched_getaffinity(0))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def troupe_command(port, scratch):
    binary = os.environ.get("TROUPE_BINARY", str(ROOT / "build/release/troupe"))
    return [binary, "serve", "--model", MODEL, "--served-model-name", MODEL_NAME, "--host", "127.0.0.1", "--port", port,
            "--admin-port", free_port(), "--data-dir", scratch, "--threads", len(cores()), "--max-num-seqs", 64], {}


def llama_command(port, _scratch, flash_attention="on"):
    """64 slots of 1,024 tokens. Flash attention: the better of both differs by machine, so both can be measured."""
    binary = os.environ.get("LLAMA_SERVER", str(PEERS / "llama-build/bin/llama-server"))
    return [binary, "-m", MODEL, "--alias", MODEL_NAME, "--host", "127.0.0.1", "--port", port, "-t", len(cores()),
            "-tb", len(cores()), "-np", 64, "-c", 64 * 1024, "-fa", flash_attention], {}


def vllm_command(port, _scratch):
    """The same weights in bf16. Its threads are bound to the cores that this process may use."""
    return [PEERS / "vllm-venv/bin/python", "-m", "vllm.entrypoints.openai.api_server", "--model",
            PEERS / "smollm2-bf16", "--served-model-name", MODEL_NAME, "--dtype", "bfloat16", "--max-model-len", 4096,
            "--max-num-seqs", 64, "--host", "127.0.0.1", "--port", port], {
                "VLLM_CPU_KVCACHE_SPACE": "4", "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, cores())),
                "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}


COMMANDS = {
    "troupe": (troupe_command, "/health/ready"),
    "llama": (llama_command, "/health"),
    "llama-nofa": (lambda port, scratch: llama_command(port, scratch, "off"), "/health"),
    "vllm": (vllm_command, "/health"),
}


class Server:
    """`name` alone is one of COMMANDS and started here; `name=http://host:port` already runs and is left running."""

    def __init__(self, spec):
        self.name, _, url = spec.partition("=")
        self.process = None
        if url:
            host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
            self.address = (host, int(port or 80))
            return
        if self.name not in COMMANDS:
            raise SystemExit(f"{spec}: give name=http://host:port, or one of {', '.join(COMMANDS)}")
        make_command, self.health = COMMANDS[self.name]
        self.address = ("127.0.0.1", free_port())
        self.scratch = tempfile.TemporaryDirectory()
        command, environment = make_command(self.address[1], self.scratch.name + "/data")
        self.log = open(self.scratch.name + "/log", "w+b")
        # A session of its own, so that what it starts (vLLM's workers) can be ended with it.
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, env={**os.environ, **environment},
                                        start_new_session=True)

    def wait_ready(self, seconds=400):
        if self.process is None:
            return
        deadline = time.monotonic() + seconds
        url = f"http://{self.address[0]}:{self.address[1]}{self.health}"
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        self.log.seek(0)
        raise SystemExit(f"{self.name} did not become ready:\n{self.log.read().decode(errors='replace')[-3000:]}")

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.log.close()
        self.scratch.cleanup()
