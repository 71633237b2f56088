# SPDX-License-Identifier: Apache-2.0
"""Compares our tokenizer with Hugging Face `tokenizers` built from the same GGUF file's tokens and merges.

usage: tokenizer_oracle.py TOOL [--model PATH] [--strings N] [--seed S] [--pre NAME]

--pre pretends that the file names another pre-tokenizer: a copy of the file's vocabulary is written with that name.
Prints one JSON line; exits with 1 when anything differs.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import unicodedata

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

DEMO_MODEL = os.environ.get("TROUPE_TEST_MODEL", ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf")
CONTROL, USER_DEFINED = 3, 4
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
BYTES_ONLY = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def isolate(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


PRE_TOKENIZERS = {
    "smollm": [pre_tokenizers.Digits(individual_digits=True), GPT2],
    "gpt-2": [GPT2],
    "llama-bpe": [isolate(CONTRACTIONS + r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + TAIL), BYTES_ONLY],
    "qwen2": [isolate(CONTRACTIONS + r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + TAIL), BYTES_ONLY],
    "deepseek-v3": [
        isolate(r"\p{N}{1,3}"),
        isolate(r"[一-龥぀-ゟ゠-ヿ]+"),
        isolate(
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
        ),
        BYTES_ONLY,
    ],
}


def read_vocabulary(path):
    fields = gguf.GGUFReader(path).fields

    def strings(key):
        return [bytes(fields[key].parts[i]).decode() for i in fields[key].data]

    types = [int(fields["tokenizer.ggml.token_type"].parts[i][0]) for i in fields["tokenizer.ggml.token_type"].data]
    pre = fields["tokenizer.ggml.pre"].contents()
    return strings("tokenizer.ggml.tokens"), strings("tokenizer.ggml.merges"), types, pre


def build_oracle(tokens, merges, types, pre, control):
    vocabulary = {token: i for i, token in reversed(list(enumerate(tokens)))}
    pairs = [tuple(merge.split(" ")) for merge in merges]
    oracle = Tokenizer(models.BPE(vocabulary, pairs, ignore_merges=pre == "llama-bpe"))
    if pre == "qwen2":
        oracle.normalizer = normalizers.NFC()
    oracle.pre_tokenizer = pre_tokenizers.Sequence(PRE_TOKENIZERS[pre])
    oracle.decoder = decoders.ByteLevel()
    if control:
        added = [t for t, kind in zip(tokens, types) if kind in (CONTROL, USER_DEFINED)]
        oracle.add_tokens([AddedToken(token, normalized=False, special=True) for token in added])
    return oracle


def write_copy(path, tokens, merges, types, pre):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_merges(merges)
    writer.add_token_types(types)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


ENGLISH = (
    "The quick brown fox jumps over the lazy dog. It's what we'd said: they'll go, I'm sure; DON'T! You've 1234 items, "
    "3.14 of 2024-01-31 at $5,000.00 (50%). def f(x):\n    return x ** 2\n\n\t# a comment\r\nhttps://example.com/?q=1&r=2"
).split(" ")
SPACES = [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u2003", "\u3000", "\u0085", "\u180e", "\u200b"]
SCRIPTS = [(0x20, 0x7F), (0x80, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE00), (0x1100, 0x1200),
           (0x2000, 0x2C00), (0x3000, 0x3130), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xFE00, 0x10000), (0x1D400, 0x1D800),
           (0x1F300, 0x1FB00), (0x10000, 0x20000), (0x20000, 0x30000), (0, 0x20), (0, 0x110000)]


def code_point(rng):
    low, high = rng.choice(SCRIPTS)
    value = rng.randrange(low, high)
    return "" if 0xD800 <= value < 0xE000 else chr(value)


def random_text(rng, specials):
    parts = []
    for _ in range(rng.randrange(1, 24)):
        kind = rng.random()
        if kind < 0.40:
            parts.append(rng.choice(ENGLISH) + rng.choice(["", " "]))
        elif kind < 0.55:
            parts.append(rng.choice(SPACES) * rng.choice([1, 1, 1, 2, 7]))
        elif kind < 0.62:
            parts.append(rng.choice(specials)[: rng.choice([99, 99, 99, 3])])
        elif kind < 0.70:
            parts.append("".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 9))))
        elif kind < 0.73:
            parts.append(rng.choice("aA =-*'.\n") * rng.randrange(1, 200))
        elif kind < 0.76:
            parts.append("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randrange(20, 120))))
        else:
            parts.append("".join(code_point(rng) for _ in range(rng.randrange(1, 12))))
    return "".join(parts)


def run_tool(tool, model, requests):
    done = subprocess.run([tool, model], input="".join(requests), capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return [([int(i) for i in ids.split()], bytes.fromhex(text)) for ids, text in rows]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--model", default=DEMO_MODEL)
    parser.add_argument("--strings", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pre")
    options = parser.parse_args()

    tokens, merges, types, pre = read_vocabulary(options.model)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model
        if options.pre:
            pre, model = options.pre, os.path.join(folder, "vocabulary.gguf")
            write_copy(model, tokens, merges, types, pre)
        rng = random.Random(options.seed)
        specials = [token for token, kind in zip(tokens, types) if kind in (CONTROL, USER_DEFINED)]
        cases = [(rng.random() < 0.5, random_text(rng, specials)) for _ in range(options.strings)]
        requests = [f"{'c' if control else 't'} {text.encode().hex()}\n" for control, text in cases]
        ours = run_tool(options.tool, model, requests)
    assert len(ours) == len(cases), "the tool answered another number of lines"

    oracles = {control: build_oracle(tokens, merges, types, pre, control) for control in (False, True)}
    wrong_ids = wrong_text = total = left_out = 0
    for (control, text), (ids, decoded) in zip(cases, ours):
        normalizer = oracles[control].normalizer
        # The oracle normalizes by an older Unicode: where it differs from Python's tables it is no oracle.
        if normalizer and normalizer.normalize_str(text) != unicodedata.normalize("NFC", text):
            left_out += 1
            continue
        expected = oracles[control].encode(text, add_special_tokens=False).ids
        expected_text = oracles[control].decode(expected, skip_special_tokens=False)
        total += len(expected)
        wrong_ids += ids != expected
        wrong_text += decoded.decode(errors="replace") != expected_text
        if ids != expected and wrong_ids <= 5:
            first = next((i for i, (a, b) in enumerate(zip(ids, expected)) if a != b), min(len(ids), len(expected)))
            at = len(oracles[control].decode(expected[:first], skip_special_tokens=False))
            near = text[max(0, at - 4): at + 8]
            print(f"mismatch near {near!r} {[f'{ord(c):04x} {unicodedata.category(c)}' for c in near]}:"
                  f" ours {ids[first:first + 5]}, expected {expected[first:first + 5]}", file=sys.stderr)
    compared = len(cases) - left_out
    print(json.dumps({"pre": pre, "strings": compared, "left_out": left_out, "tokens": total, "wrong_ids": wrong_ids,
                      "wrong_text": wrong_text}))
    return 1 if wrong_ids or wrong_text or compared < 0.9 * len(cases) else 0


if __name__ == "__main__":
    sys.exit(main())
