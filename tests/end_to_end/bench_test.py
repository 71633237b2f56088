# SPDX-License-Identifier: Apache-2.0
"""The benchmark of tests/bench still runs and counts every token."""

import json
import subprocess
import sys

from troupe_server import ROOT, SLOWNESS


def test_the_benchmark_prints_a_line_for_each_measurement_and_the_ratio(server):
    arguments = [f"one={server.url}", f"two={server.url}", "--streams", "1,3", "--rounds", "1", "--tokens", "8",
                 "--words", "20"]
    result = subprocess.run([sys.executable, ROOT / "tests/bench/serve_bench.py", *arguments], capture_output=True,
                            text=True, timeout=120 * SLOWNESS)
    assert result.returncode == 0 and result.stderr == "", result.stderr  # a missing token is reported there
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    measured = [(line["server"], line["streams"]) for line in lines if "round" in line]
    assert sorted(measured) == [("one", 1), ("one", 3), ("two", 1), ("two", 3)]
    assert all(line["tokens_per_s"] > 0 and line["ttft_p99_ms"] > 0 for line in lines if "round" in line)
    assert [line["summary"] for line in lines if "summary" in line] == [1, 3]
    assert lines[-1]["ratio_of_one_to"]["two"] > 0
