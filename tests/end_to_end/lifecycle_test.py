# SPDX-License-Identifier: Apache-2.0
"""Starting, draining, dying and coming back, as an operator sees it."""

import asyncio
import json
import os
import signal
import time

import pytest

from raw_http import EventStream, post
from troupe_server import MODEL, SLOWNESS, free_port, run_troupe, wait_until

HELLO = {"model": "demo", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, "temperature": 0}


def long_stream(server, tokens):
    return EventStream(server, "/v1/chat/completions", {**HELLO, "max_tokens": tokens, "ignore_eos": True})


def serve_fails(*options, model=MODEL, data_dir):
    """What `troupe serve` says when it cannot start; it must give up by itself, soon and with an error status."""
    result = run_troupe("serve", "--model", model, "--host", "127.0.0.1", "--data-dir", data_dir, *options, timeout=20)
    assert result.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT), result.stderr
    return result.stdout + result.stderr


def ports():
    return "--port", free_port(), "--admin-port", free_port()


def test_sigterm_lets_running_answers_finish(start):
    server = start().wait_ready()

    async def drained():
        stream = await long_stream(server, 200).open()
        for _ in range(5):
            await stream.next_event()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        refused = server.get("/health/ready")[0]
        while await stream.next_event() is not None:
            pass
        return stream, refused

    stream, refused = asyncio.run(drained())
    assert stream.ends_once() and stream.finishes() == [(0, "length")]
    assert refused in (0, 503), "a draining server is not ready"
    assert server.wait_ended() == 0, server.log()
    assert run_troupe("audit", "verify", "--data-dir", server.data_dir).returncode == 0


def test_a_changed_audit_record_is_named(start):
    server = start().wait_ready()
    for i in range(3):
        assert post(server, "/v1/chat/completions", HELLO, {"X-Request-Id": f"client-{i}"})[0] == 200
    assert server.terminate() == 0
    assert run_troupe("audit", "verify", "--data-dir", server.data_dir).returncode == 0
    path = server.data_dir / "audit.jsonl"
    lines = path.read_text().splitlines()
    bad = next(i for i, line in enumerate(lines) if "client-1" in line)
    lines[bad] = lines[bad].replace("client-1", "client-X")
    path.write_text("\n".join(lines) + "\n")
    result = run_troupe("audit", "verify", "--data-dir", server.data_dir)
    assert result.returncode != 0 and str(bad + 1) in result.stdout + result.stderr


def test_the_request_id_is_in_the_answer_the_log_and_the_audit_record(start):
    server = start().wait_ready()
    status, headers, _ = post(server, "/v1/chat/completions", HELLO, {"X-Request-Id": "order-4711"})
    assert status == 200 and headers["X-Request-Id"] == "order-4711"
    _, headers, _ = post(server, "/v1/chat/completions", HELLO)
    made = headers["X-Request-Id"]
    assert len(made) >= 16
    assert server.terminate() == 0
    for name in ("order-4711", made):
        assert name in server.audit_text()
        assert name in server.log()


def test_a_client_that_goes_away_frees_its_blocks(start):
    server = start().wait_ready()

    async def leave():
        stream = await long_stream(server, 2000).open()
        for _ in range(5):
            await stream.next_event()
        assert server.blocks_in_use() > 0
        stream.close()

    asyncio.run(leave())
    began = time.monotonic()
    server.wait_idle(5)
    assert time.monotonic() - began < 3 * SLOWNESS


def test_a_killed_worker_is_started_again(start):
    server = start().wait_ready()
    assert post(server, "/v1/chat/completions", HELLO)[0] == 200
    (worker,) = server.worker_pids()
    before = json.loads(post(server, "/v1/chat/completions", HELLO)[2])["choices"][0]["message"]["content"]

    async def killed():
        stream = await long_stream(server, 1000).open()
        for _ in range(5):
            await stream.next_event()
        os.kill(worker, signal.SIGKILL)
        try:
            while await stream.next_event() is not None:
                pass
        except ConnectionError:
            pass
        return stream

    stream = asyncio.run(killed())
    assert "[DONE]" not in stream.events, "a cut answer must not look complete"
    server.wait_ready(30)
    after = json.loads(post(server, "/v1/chat/completions", HELLO)[2])["choices"][0]["message"]["content"]
    assert after == before
    assert server.worker_pids() != {worker}
    assert server.terminate() == 0
    assert run_troupe("audit", "verify", "--data-dir", server.data_dir).returncode == 0


def test_no_process_outlives_the_server(start):
    server = start().wait_ready()
    pids = server.worker_pids() | {server.process.pid}
    server.process.kill()
    server.process.wait()

    def all_gone():
        return not any(os.path.exists(f"/proc/{pid}") for pid in pids)

    wait_until(all_gone, 5, f"processes {pids} gone after their parent was killed")


@pytest.mark.parametrize("taken", ["--port", "--admin-port"])
def test_a_busy_port_is_named(start, tmp_path, taken):
    server = start().wait_ready()
    busy = server.port if taken == "--port" else server.admin_port
    options = {"--port": free_port(), "--admin-port": free_port(), taken: busy}
    said = serve_fails(*[word for option in options.items() for word in option], data_dir=tmp_path / "other")
    assert str(busy) in said and "in use" in said
    assert server.get("/health/ready")[0] == 200


def test_a_missing_model_is_named(tmp_path):
    assert "nowhere.gguf" in serve_fails(*ports(), model=tmp_path / "nowhere.gguf", data_dir=tmp_path / "data")


@pytest.mark.parametrize("kept", [0, 3, 20, 4096, 1_000_000, 90_000_000])
def test_a_truncated_model_is_named_with_its_offset(tmp_path, kept):
    path = tmp_path / "short.gguf"
    with open(MODEL, "rb") as whole:
        path.write_bytes(whole.read(kept))
    said = serve_fails(*ports(), model=path, data_dir=tmp_path / "data")
    assert "short.gguf" in said and any(word in said for word in ("offset", "byte", "truncated"))


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "picture.gguf"
    path.write_bytes(b"\x89PNG" + bytes(5000))
    said = serve_fails(*ports(), model=path, data_dir=tmp_path / "data")
    assert "picture.gguf" in said and "GGUF" in said


def test_every_command_has_help():
    for command in ([], ["serve"], ["chat"], ["complete"], ["ps"], ["audit"], ["audit", "verify"], ["config"]):
        result = run_troupe(*command, "--help")
        assert result.returncode == 0 and len(result.stdout.splitlines()) >= 4, command


def test_an_unknown_option_is_an_error_that_suggests_help():
    result = run_troupe("serve", "--modle", "x")
    assert result.returncode != 0 and "--modle" in result.stderr


def test_the_configuration_can_be_checked(tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(run_troupe("config", "show").stdout)
    assert run_troupe("config", "check", good).returncode == 0
    bad.write_text("[server]\nporrt = 80\nio_threads = -1\n")
    result = run_troupe("config", "check", bad)
    said = result.stdout + result.stderr
    assert result.returncode != 0 and "porrt" in said and "port" in said and "io_threads" in said and "2" in said


