#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Throughput and latency of servers over SSE, side by side.

Every round measures every server at every number of streams, one after the other and in another order each time, so
that what the machine does meanwhile falls on all of them. Prints JSON lines: the machine, one line a measurement, and
at the end the medians with the ratio of the first server to each other one.

    serve_bench.py troupe llama vllm                   starts all three (install_peers.sh first), 3 rounds
    serve_bench.py troupe mine=http://127.0.0.1:9000   beside a server of your own
"""

import argparse
import json
import os
import random
import statistics
import sys

from servers import MODEL_NAME, Server, cores
from stream_client import run_closed_loop

WORDS = ("time year people way day man thing woman life child world school state family student group country problem "
         "hand part place case week company system program question work government number night point home water room "
         "mother area money story fact month lot right study book eye job word business issue side kind head house "
         "service friend father power hour game line end member law car city community name president team minute idea "
         "body information back parent face others level office door health person art war history party result change "
         "morning reason research girl guy moment air teacher force education").split()


def machine():
    with open("/proc/cpuinfo") as info:
        lines = info.read().splitlines()
    fields = dict((key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines) if value)
    flags = fields.get("flags", "").split()
    return {"cpu": fields.get("model name"), "cores": len(cores()),
            "isa": [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
                    if flag in flags]}


def make_bodies(streams, requests, tokens, words, seed):
    """Prompts that no earlier round has seen, the same for every server: no prefix cache can help one of them."""
    draw = random.Random(seed)
    return [[{"model": MODEL_NAME, "prompt": "Continue: " + " ".join(draw.choices(WORDS, k=words)), "max_tokens": tokens,
              "temperature": 0, "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True}}
             for _ in range(requests)] for _ in range(streams)]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(server, streams, arguments, seed):
    requests = arguments.requests or (4 if streams == 1 else 2)
    bodies = make_bodies(streams, requests, arguments.tokens, arguments.words, seed)
    before = os.times()
    samples, seconds = run_closed_loop(server.address, bodies)
    after = os.times()
    tokens = sum(sample.tokens for sample in samples)
    if tokens != streams * requests * arguments.tokens:
        print(f"{server.name}: {tokens} tokens instead of {streams * requests * arguments.tokens}", file=sys.stderr)
    ttft = [sample.ttft * 1e3 for sample in samples]
    gaps = [gap * 1e3 for sample in samples for gap in sample.gaps]
    return {"server": server.name, "streams": streams, "tokens_per_s": round(tokens / seconds, 1),
            "ttft_p50_ms": round(percentile(ttft, 0.5), 1), "ttft_p99_ms": round(percentile(ttft, 0.99), 1),
            "gap_p50_ms": round(percentile(gaps, 0.5), 2), "gap_p99_ms": round(percentile(gaps, 0.99), 2),
            "client_cpu_share": round((after.user + after.system - before.user - before.system) / seconds, 3)}


def summarize(results, names, streams):
    medians = {}
    for name in names:
        rows = [row for row in results if row["server"] == name and row["streams"] == streams]
        medians[name] = {key: round(statistics.median(row[key] for row in rows), 2)
                         for key in ("tokens_per_s", "ttft_p50_ms", "ttft_p99_ms", "gap_p99_ms")}
    first = medians[names[0]]["tokens_per_s"]
    ratios = {name: round(first / medians[name]["tokens_per_s"], 2) for name in names[1:]}
    return {"summary": streams, "medians": medians, f"ratio_of_{names[0]}_to": ratios}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("servers", nargs="+", metavar="SERVER", help="troupe, llama, llama-nofa, vllm, or name=URL")
    parser.add_argument("--streams", default="1,4,16,64", help="numbers of concurrent streams")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=0, help="requests of each stream; 0: 2, and 4 for one stream")
    parser.add_argument("--tokens", type=int, default=128, help="tokens of each answer (end tokens are ignored)")
    parser.add_argument("--words", type=int, default=100, help="words of each prompt")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.streams.split(",")]

    servers, results = [], []
    try:
        # One after the other: a server that sizes itself by free memory or warms up shall not see the others do it.
        for spec in arguments.servers:
            servers.append(Server(spec))
            servers[-1].wait_ready()
        print(json.dumps({"machine": machine(), "tokens": arguments.tokens, "words": arguments.words}), flush=True)
        for server in servers:
            run_closed_loop(server.address, make_bodies(2, 1, 16, 20, seed=-1))
        for turn in range(arguments.rounds):
            for count in counts:
                shift = turn % len(servers)
                for server in servers[shift:] + servers[:shift]:
                    row = {"round": turn, **measure(server, count, arguments, seed=1000 * turn + count)}
                    results.append(row)
                    print(json.dumps(row), flush=True)
    finally:
        for server in servers:
            server.stop()
    for count in counts:
        print(json.dumps(summarize(results, [server.name for server in servers], count)), flush=True)


if __name__ == "__main__":
    main()
