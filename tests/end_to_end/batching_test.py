# SPDX-License-Identifier: Apache-2.0
"""An answer does not depend on who else is being answered."""

import asyncio
import random

from raw_http import EventStream, gather_streams
from troupe_server import SLOWNESS

# A sanitized build computes twenty times slower: as many requests there, but shorter ones.
WORDS, TOKENS = ([1, 5, 30, 100, 400], 64) if SLOWNESS == 1 else ([1, 5, 30], 10)
TOPICS = ["rivers", "the moon", "bread", "bridges", "violins", "winter", "trains", "honey"]


def chat(server, model, content, **options):
    return EventStream(server, "/v1/chat/completions",
                       {"model": model, "messages": [{"role": "user", "content": content}], **options})


def answer(stream):
    asyncio.run(stream.read_all())
    return stream


def test_a_seeded_sample_is_the_same_alone_and_among_24_others(server, model):
    def sampled():
        return chat(server, model, "Tell me about the sea.", temperature=1.0, seed=11, max_tokens=TOKENS)

    alone = answer(sampled()).text()
    others = [chat(server, model, f"Tell me about {TOPICS[i % 8]}, part {i}.", temperature=1.0, seed=i,
                   max_tokens=TOKENS // 4 + i * TOKENS // 24) for i in range(24)]
    among = sampled()
    asyncio.run(gather_streams(others[:12] + [among] + others[12:]))
    assert alone and among.text() == alone


def mixed_requests(server, model, seed):
    """64 requests with prompts and answers of many lengths; greedy and sampled."""
    draw = random.Random(seed)
    requests = []
    for i in range(64):
        words = " ".join(draw.choice(TOPICS) for _ in range(draw.choice(WORDS)))
        requests.append(chat(server, model, f"{i}: {words}", max_tokens=draw.randint(1, TOKENS), seed=i,
                             temperature=draw.choice([0, 0.7, 1.0])))
    return requests


def test_64_concurrent_answers_of_mixed_lengths_are_those_given_alone(server, model):
    server.wait_idle()
    total = sum(server.kv_blocks().values())
    together = asyncio.run(gather_streams(mixed_requests(server, model, seed=5)))
    assert [i for i, stream in enumerate(together) if not stream.ends_once()] == []
    server.wait_idle()
    assert sum(server.kv_blocks().values()) == total

    alone = [answer(stream) for stream in mixed_requests(server, model, seed=5)]
    different = [i for i in range(64) if together[i].text() != alone[i].text()
                 or together[i].finishes() != alone[i].finishes()]
    assert different == []


def test_more_requests_than_seats_are_all_answered(start, model):
    server = start("--max-num-seqs", "4").wait_ready()
    streams = asyncio.run(gather_streams([chat(server, model, f"Count to {i}.", max_tokens=12) for i in range(32)]))
    assert all(stream.ends_once() for stream in streams)
    server.wait_idle()
