# SPDX-License-Identifier: Apache-2.0
"""Compares our chat templates with Jinja2's rendering of the template text, as token ids.

usage: chat_template_oracle.py TOOL [--model PATH] [--conversations N] [--seed S]

Renders the file's own template and, in copies of its vocabulary, published templates of other families. Content holds no
spellings of special tokens: there we differ from Jinja2 on purpose. Prints one JSON line for each template; exits with 1
at a mismatch.
"""
import argparse
import json
import os
import random
import sys
import tempfile

import gguf
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizer_oracle import DEMO_MODEL, ENGLISH, SPACES, build_oracle, code_point, read_vocabulary, run_tool

LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
DEEPSEEK_R1_DISTILL = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='') %}"
    "{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}"
    "{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}"
    "{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}"
    "{{'<｜User｜>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' and message['content'] is not none %}"
    "{% set content = message['content'] %}{% if '</think>' in content %}"
    "{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor -%}"
    "{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜><think>\\n'}}{% endif %}"
)
QWEN2_5 = (
    "{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}"
    "{%- if (message.role == \"user\") or (message.role == \"system\" and not loop.first) or (message.role == \"assistant\") %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
ADDED = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<｜User｜>", "<｜Assistant｜>",
         "<｜end▁of▁sentence｜>", "<think>"]


def render(source, messages, generation_prompt, bos):
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source).render(messages=messages, add_generation_prompt=generation_prompt, bos_token=bos)


def random_content(rng):
    parts = []
    for _ in range(rng.randrange(0, 10)):
        choice = rng.random()
        if choice < 0.5:
            parts.append(rng.choice(ENGLISH))
        elif choice < 0.8:
            parts.append(rng.choice(SPACES))
        else:
            parts.append("".join(code_point(rng) for _ in range(3)))
    return "".join(parts)


def random_conversation(rng):
    roles = ["system"] * (rng.random() < 0.4) + ["user", "assistant"] * rng.randrange(0, 4) + ["user"]
    messages = [{"role": role, "content": random_content(rng)} for role in roles]
    for message in messages:
        if message["role"] == "assistant" and rng.random() < 0.5:
            message["content"] = "hm " + rng.choice(ENGLISH) + "</think>\n\n" + message["content"]
    return messages


def compare(tool, model, vocabulary, source, conversations, seed):
    tokens, merges, types, pre, bos = vocabulary
    oracle = build_oracle(tokens, merges, types, pre, True)
    rng = random.Random(seed)
    cases = [(rng.random() < 0.8, random_conversation(rng)) for _ in range(conversations)]
    requests = []
    for prompt, messages in cases:
        words = [f"{m['role']}:{m['content'].encode().hex()}" for m in messages]
        requests.append(f"m {int(prompt)} {' '.join(words)}\n")
    ours = run_tool(tool, model, requests)
    wrong = total = 0
    for (prompt, messages), (ids, _) in zip(cases, ours, strict=True):
        text = render(source, messages, prompt, bos)
        expected = oracle.encode(text, add_special_tokens=False).ids
        total += len(expected)
        if ids != expected:
            wrong += 1
            if wrong <= 2:
                print(f"mismatch for {messages}\n expected {oracle.decode(expected, skip_special_tokens=False)!r}\n"
                      f"     ours {oracle.decode(ids, skip_special_tokens=False)!r}", file=sys.stderr)
    return {"conversations": len(cases), "tokens": total, "wrong": wrong}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--model", default=DEMO_MODEL)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    tokens, merges, types, pre = read_vocabulary(options.model)
    fields = gguf.GGUFReader(options.model).fields
    own = fields["tokenizer.chat_template"].contents()
    bos = tokens[int(fields["tokenizer.ggml.bos_token_id"].contents())]
    results = {"own": compare(options.tool, options.model, (tokens, merges, types, pre, bos), own, options.conversations,
                              options.seed)}
    tokens, types = tokens + ADDED, types + [3] * (len(ADDED) - 1) + [4]
    bos = ADDED[0]
    for name, source in {"llama-3": LLAMA3, "deepseek-r1-distill": DEEPSEEK_R1_DISTILL, "qwen2.5": QWEN2_5}.items():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "vocabulary.gguf")
            writer = gguf.GGUFWriter(path, "llama")
            writer.add_tokenizer_model("gpt2")
            writer.add_tokenizer_pre(pre)
            writer.add_token_list(tokens)
            writer.add_token_merges(merges)
            writer.add_token_types(types)
            writer.add_bos_token_id(tokens.index(bos))
            writer.add_chat_template(source)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.close()
            results[name] = compare(options.tool, path, (tokens, merges, types, pre, bos), source, options.conversations,
                                    options.seed)
    for name, result in results.items():
        print(json.dumps({"template": name, **result}))
    return 1 if any(result["wrong"] for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
