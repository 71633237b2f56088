# SPDX-License-Identifier: Apache-2.0
"""HTTP without a client library's opinions: exact bytes out, exact events in."""

import asyncio
import http.client
import json

from troupe_server import SLOWNESS


def post(server, path, body, headers=None):
    """(status, headers, text) of one POST; `body` is bytes, or an object sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60 * SLOWNESS)
    try:
        try:
            connection.request("POST", path, data, {"Content-Type": "application/json", **(headers or {})})
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before the whole body was sent; the answer is there to be read
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


async def exchange(server, request):
    """Sends bytes as they are and returns all bytes that come back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(request)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), 30 * SLOWNESS)
    finally:
        writer.close()


class EventStream:
    """One streamed answer. `data` lines in order, as they came."""

    def __init__(self, server, path, body, headers=None):
        self.server, self.path, self.body, self.headers = server, path, {**body, "stream": True}, headers or {}
        self.events = []

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        data = json.dumps(self.body).encode()
        head = [f"POST {self.path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
                f"Content-Length: {len(data)}", "Connection: close",
                *(f"{name}: {value}" for name, value in self.headers.items())]
        self.writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + data)
        await self.writer.drain()
        return self

    async def next_event(self):
        """The next data line, or None at the end of the answer."""
        while line := await asyncio.wait_for(self.reader.readline(), 120 * SLOWNESS):
            if line.startswith(b"data: "):
                self.events.append(line[6:].decode().strip())
                return self.events[-1]
        return None

    async def read_all(self):
        await self.open()
        while await self.next_event() is not None:
            pass
        self.close()
        return self

    def close(self):
        self.writer.close()

    def chunks(self):
        return [json.loads(event) for event in self.events if event != "[DONE]"]

    def text(self, choice=0):
        return "".join((part.get("text") or part.get("delta", {}).get("content") or "")
                       for chunk in self.chunks() for part in chunk.get("choices", []) if part["index"] == choice)

    def finishes(self):
        """(choice, reason) of every terminal chunk."""
        return [(part["index"], part["finish_reason"]) for chunk in self.chunks()
                for part in chunk.get("choices", []) if part.get("finish_reason")]

    def ends_once(self, choices=1):
        """Exactly one terminal chunk a choice, then [DONE] once, last."""
        return (sorted(index for index, _ in self.finishes()) == list(range(choices))
                and self.events.count("[DONE]") == 1 and self.events[-1] == "[DONE]")


async def gather_streams(streams):
    return await asyncio.gather(*(stream.read_all() for stream in streams))
