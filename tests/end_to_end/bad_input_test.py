# SPDX-License-Identifier: Apache-2.0
"""Bad input gets a clear error with the right status, and the server goes on."""

import asyncio
import http.client
import json

import pytest

from raw_http import exchange, post

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
MESSAGES = [{"role": "user", "content": "Hello"}]


def chat_with(**fields):
    return {"model": "demo", "messages": MESSAGES, "max_tokens": 1, **fields}


def without(body, field):
    return {name: value for name, value in body.items() if name != field}


# what | path | body | status | param named by the error (None: none required)
TABLE = [
    ("an unknown model", CHAT, chat_with(model="other"), 404, "model"),
    ("no model", CHAT, without(chat_with(), "model"), 400, "model"),
    ("no messages", CHAT, without(chat_with(), "messages"), 400, "messages"),
    ("an empty list of messages", CHAT, chat_with(messages=[]), 400, "messages"),
    ("messages that are no list", CHAT, chat_with(messages="Hello"), 400, "messages"),
    ("an unknown role", CHAT, chat_with(messages=[{"role": "wizard", "content": "x"}]), 400, "messages[0].role"),
    ("a message without a role", CHAT, chat_with(messages=[{"content": "x"}]), 400, "messages[0].role"),
    ("a number as content", CHAT, chat_with(messages=[{"role": "user", "content": 1}]), 400, "messages[0].content"),
    ("a negative temperature", CHAT, chat_with(temperature=-0.1), 400, "temperature"),
    ("a temperature that is no number", CHAT, chat_with(temperature="hot"), 400, "temperature"),
    ("top_p of 0", CHAT, chat_with(top_p=0), 400, "top_p"),
    ("top_p over 1", CHAT, chat_with(top_p=1.5), 400, "top_p"),
    ("min_p over 1", CHAT, chat_with(min_p=1.5), 400, "min_p"),
    ("a fraction as top_k", CHAT, chat_with(top_k=1.5), 400, "top_k"),
    ("no choices", CHAT, chat_with(n=0), 400, "n"),
    ("too many choices", CHAT, chat_with(n=100_000), 400, "n"),
    ("a negative limit of tokens", CHAT, chat_with(max_tokens=-1), 400, "max_tokens"),
    ("a limit of tokens that is no number", CHAT, chat_with(max_tokens="many"), 400, "max_tokens"),
    ("a limit beyond the context", CHAT, chat_with(max_tokens=10_000_000), 400, "max_tokens"),
    ("a penalty out of range", CHAT, chat_with(presence_penalty=2.5), 400, "presence_penalty"),
    ("a repetition penalty of 0", CHAT, chat_with(repetition_penalty=0), 400, "repetition_penalty"),
    ("five stop texts", CHAT, chat_with(stop=["a", "b", "c", "d", "e"]), 400, "stop"),
    ("a number as stop text", CHAT, chat_with(stop=[1]), 400, "stop"),
    ("too many alternatives", CHAT, chat_with(logprobs=True, top_logprobs=21), 400, "top_logprobs"),
    ("alternatives without logprobs", CHAT, chat_with(top_logprobs=2), 400, "top_logprobs"),
    ("a bias for a token that does not exist", CHAT, chat_with(logit_bias={"99999999": 1}), 400, "logit_bias"),
    ("a bias out of range", CHAT, chat_with(logit_bias={"1": 101}), 400, "logit_bias"),
    ("a seed that is no number", CHAT, chat_with(seed="lucky"), 400, "seed"),
    ("stream that is no truth value", CHAT, chat_with(stream="yes"), 400, "stream"),
    ("stream_options without stream", CHAT, chat_with(stream_options={"include_usage": True}), 400, "stream_options"),
    ("no prompt", COMPLETIONS, {"model": "demo"}, 400, "prompt"),
    ("an empty list of prompts", COMPLETIONS, {"model": "demo", "prompt": []}, 400, "prompt"),
    ("a prompt of the wrong type", COMPLETIONS, {"model": "demo", "prompt": {"a": 1}}, 400, "prompt"),
    ("a token that does not exist", COMPLETIONS, {"model": "demo", "prompt": [1, 999_999]}, 400, "prompt"),
    ("a negative token", COMPLETIONS, {"model": "demo", "prompt": [-1]}, 400, "prompt"),
    ("a prompt longer than the context", COMPLETIONS, {"model": "demo", "prompt": "word " * 20_000}, 400, None),
    ("too many log-probabilities", COMPLETIONS, {"model": "demo", "prompt": "a", "logprobs": 100}, 400, "logprobs"),
    ("an empty body", CHAT, b"", 400, None),
    ("a list as body", CHAT, b"[]", 400, None),
    ("JSON that breaks off", CHAT, b'{"model": "demo", ', 400, None),
    ("JSON with something after it", CHAT, b'{"model": "demo"} x', 400, None),
    ("JSON too deep", CHAT, b"[" * 100_000, 400, None),
    ("bytes that are not UTF-8", CHAT, b'{"model": "\xff\xfe", "messages": []}', 400, None),
    ("half of a surrogate pair", CHAT, b'{"model": "\\ud800", "messages": []}', 400, None),
    ("a body over the limit", CHAT, b" " * (17 << 20), 413, None),
]


@pytest.mark.parametrize("what, path, body, status, param", TABLE, ids=[row[0] for row in TABLE])
def test_is_refused_with_a_clear_error(server, what, path, body, status, param):
    got, headers, text = post(server, path, body)
    assert got == status, text
    assert headers["Content-Type"].startswith("application/json") and headers["X-Request-Id"]
    error = json.loads(text)["error"]
    assert error["message"] and error["type"] == "invalid_request_error" and set(error) == {
        "message", "type", "param", "code"}
    if param is not None:
        assert error["param"] == param, error
    assert server.get("/health/live")[0] == 200


# The classes of https://github.com/nst/JSONTestSuite that a parser must refuse, each as a whole body.
NOT_JSON = [
    b"{", b"}", b"]", b"[1,]", b"[,1]", b"[1 2]", b'["a" "b"]', b'{"a" 1}', b'{"a":}', b'{"a":1,}', b"{'a':1}",
    b"{a:1}", b'{"a":1 "b":2}', b"[1", b'["a', b'["\\x"]', b'["\\u12"]', b'["\t"]', b'["\x00"]', b"[01]", b"[+1]",
    b"[.5]", b"[1.]", b"[1e]", b"[0x1]", b"[NaN]", b"[Infinity]", b"[-]", b"[--1]", b"[tru]", b"[nul]", b"[True]",
    b"nul", b"\xef\xbb\xbf[}", b"[\xff]", b'["\xc0\xaf"]', b'["\xed\xa0\x80"]', b"[\x0c]", b"/* c */ {}",
    b'{"a":1 // c\n}', b"\x00", b"*", b"<xml/>", b'"', b'[1]]', b'{"a":"b"}}', b"[" * 500 + b"]" * 500,
]


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:20]))
def test_text_that_is_not_json_gets_400(server, body):
    for path in (CHAT, COMPLETIONS):
        status, _, text = post(server, path, body)
        assert status == 400 and json.loads(text)["error"]["message"], text


def request(server, method, path, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def test_unknown_routes_and_methods_are_named(server):
    status, _, text = request(server, "GET", "/v2/nothing")
    assert status == 404 and "/v2/nothing" in json.loads(text)["error"]["message"]
    status, headers, text = request(server, "GET", CHAT)
    assert status == 405 and headers["Allow"] == "POST" and json.loads(text)["error"]["message"]


def test_a_body_of_another_kind_is_refused(server):
    status, _, text = request(server, "POST", CHAT, {"Content-Type": "text/plain"}, json.dumps(chat_with()))
    assert status == 415 and "application/json" in json.loads(text)["error"]["message"]


def test_headers_over_the_limit_are_refused(server):
    status, _, _ = request(server, "GET", "/health", {"X-Long": "a" * 100_000})
    assert status == 431


FRAMING = {
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length beside chunks": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length that is no number": b"Content-Length: 2x\r\n\r\n{}",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a chunk size that is no number": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a header without a name": b": x\r\n\r\n",
    "a space before the colon": b"Content-Length : 2\r\n\r\n{}",
    "a folded header": b"X-A: 1\r\n  2\r\n\r\n",
    "no host": b"",
}


@pytest.mark.parametrize("what", FRAMING)
def test_ambiguous_framing_is_refused_and_the_connection_closed(server, what):
    host = b"" if what == "no host" else b"Host: 127.0.0.1\r\n"
    head = b"POST /v1/chat/completions HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\n"
    answer = asyncio.run(exchange(server, head + (FRAMING[what] or b"Content-Length: 2\r\n\r\n{}")))
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert answer.count(b"HTTP/1.1 4") == 1
    assert server.get("/health/live")[0] == 200
