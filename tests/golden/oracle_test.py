# SPDX-License-Identifier: Apache-2.0
"""The forward pass against transformers in float32, teacher-forced over 20 prompts and their 64-token answers."""

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest
import torch

import gguf_weights

HERE = pathlib.Path(__file__).parent
NEW_TOKENS = 64
MODEL = os.environ.get(
    "TROUPE_TEST_MODEL", str(HERE.parent.parent / ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf")
)
DUMP = os.environ["TROUPE_DUMP_LOGITS"]
TINY = os.environ["TROUPE_WRITE_TINY_GGUF"]


def as_lines(sequences):
    return "".join(" ".join(map(str, tokens)) + "\n" for tokens in sequences)


def generate(model, dtype, prompts, folder):
    file = folder / "prompts.txt"
    file.write_text(as_lines(prompts))
    command = [DUMP, "generate", model, dtype, "2", str(file), str(NEW_TOKENS)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [[int(word) for word in line.split()] for line in out.splitlines()]


def our_logits(model, dtype, sequences, folder):
    """One [positions, vocabulary] for each sequence."""
    file, out = folder / "sequences.txt", folder / f"{dtype}.f32"
    file.write_text(as_lines(sequences))
    subprocess.run([DUMP, "logits", model, dtype, "2", str(file), str(out)], check=True)
    positions = [len(tokens) for tokens in sequences]
    values = np.memmap(out, np.float32, "r").reshape(sum(positions), -1)
    return np.split(values, np.cumsum(positions)[:-1])


def oracle_logits(model, sequences):
    loaded = gguf_weights.load(model)
    with torch.inference_mode():
        return [loaded(torch.tensor([tokens])).logits[0].numpy() for tokens in sequences]


def log_probabilities(logits, targets):
    wide = torch.from_numpy(np.array(logits)).double().log_softmax(-1)
    return wide[torch.arange(len(targets)), torch.tensor(targets)].numpy()


@pytest.fixture(scope="module")
def prompts():
    return [entry["tokens"] for entry in json.loads((HERE / "prompts.json").read_text())]


@pytest.fixture(scope="module")
def answers(prompts, tmp_path_factory):
    """Prompt and greedy answer of the reference path: the fixed sequences of every comparison."""
    return generate(MODEL, "float32", prompts, tmp_path_factory.mktemp("answers"))


@pytest.fixture(scope="module")
def reference(answers, tmp_path_factory):
    return our_logits(MODEL, "float32", answers, tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def oracle(answers):
    return oracle_logits(MODEL, answers)


def test_reference_logits_equal_the_oracle_within_a_thousandth(reference, oracle, capsys):
    worst = max(float(np.abs(ours - theirs).max()) for ours, theirs in zip(reference, oracle))
    with capsys.disabled():
        print(f"\nreference and oracle: max |logit difference| {worst:.2e} over {sum(map(len, oracle))} positions")
    assert worst < 1e-3


def test_greedy_tokens_are_the_oracle_s_wherever_its_best_two_are_apart(prompts, answers, oracle, capsys):
    compared = total = 0
    for prompt, tokens, logits in zip(prompts, answers, oracle):
        assert len(tokens) == len(prompt) + NEW_TOKENS
        assert tokens[: len(prompt)] == prompt
        for position in range(len(prompt), len(tokens)):
            row = logits[position - 1]
            second, first = np.partition(row, -2)[-2:]
            total += 1
            if first - second > 1e-3:
                compared += 1
                assert tokens[position] == int(row.argmax()), f"position {position}"
    with capsys.disabled():
        print(f"\ngreedy tokens: {compared} of {total} compared, all equal")
    assert compared > 0.98 * total


def test_fast_path_stays_near_float(answers, reference, tmp_path, capsys):
    fast = our_logits(MODEL, "auto", answers, tmp_path)
    differences, agreements = [], []
    for tokens, ours, theirs in zip(answers, fast, reference):
        ours, theirs = ours[:-1], theirs[:-1]
        differences.append(np.abs(log_probabilities(ours, tokens[1:]) - log_probabilities(theirs, tokens[1:])))
        agreements.append(ours.argmax(-1) == theirs.argmax(-1))
    difference, agreement = np.concatenate(differences), np.concatenate(agreements)
    with capsys.disabled():
        print(
            f"\nfast path and float: mean |log-probability difference| {difference.mean():.4f}, "
            f"p99 {np.quantile(difference, 0.99):.3f}, top-1 agreement {agreement.mean():.2%} "
            f"over {len(difference)} positions"
        )
    assert difference.mean() < 0.02
    assert agreement.mean() >= 0.99


@pytest.mark.parametrize("head", ["tied", "untied"])
@pytest.mark.parametrize("storage", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0", "Q4_K", "Q6_K"])
def test_every_storage_type_is_read_as_the_oracle_reads_it(storage, head, tmp_path):
    model = str(tmp_path / "tiny.gguf")
    subprocess.run([TINY, storage, head, model], check=True)
    sequences = [[(7 * i * i + 3 * i + start) % 264 for i in range(70)] for start in (0, 5)]
    reference = our_logits(model, "float32", sequences, tmp_path)
    for ours, theirs in zip(reference, oracle_logits(model, sequences)):
        assert np.abs(theirs).max() > 0.1
        assert np.abs(ours - theirs).max() < 1e-3
