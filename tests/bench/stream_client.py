# SPDX-License-Identifier: Apache-2.0
"""A closed loop of streamed completions on one thread, cheap enough to share the cores with the server it measures.

It never parses JSON: it counts events as they arrive and reads the number of tokens from the last one (usage).
"""

import json
import re
import selectors
import socket
import time
from dataclasses import dataclass, field

USAGE = re.compile(rb'"completion_tokens":\s*(\d+)')
EVENT = b"data: "
END = b"data: [DONE]"


@dataclass
class Sample:
    """What one request saw. Times in seconds; gaps are between arrivals that carried at least one token."""

    ttft: float = 0.0
    gaps: list = field(default_factory=list)
    tokens: int = 0


class Stream:
    """One client that sends its requests one after the other."""

    def __init__(self, address, bodies):
        self.address, self.bodies, self.samples = address, iter(bodies), []
        self.socket = None

    def start_next(self):
        """Sends the next request; false when there is none left."""
        body = next(self.bodies, None)
        if body is None:
            return False
        data = json.dumps(body).encode()
        self.sample, self.tail, self.first = Sample(), b"", True
        self.socket = socket.create_connection(self.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = (f"POST /v1/completions HTTP/1.1\r\nHost: {self.address[0]}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n")
        self.last = time.perf_counter()
        self.socket.sendall(head.encode() + data)
        return True

    def receive(self):
        """Takes what has arrived; true when the answer is complete."""
        chunk = self.socket.recv(1 << 16)
        now = time.perf_counter()
        seen = self.tail + chunk
        if not chunk:
            raise RuntimeError(f"the server closed the connection early: {seen[-300:]!r}")
        if self.first and not seen.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server refused: {seen[:600]!r}")
        if seen.count(EVENT) > self.tail.count(EVENT):
            if self.first:
                self.sample.ttft = now - self.last
                self.first = False
            elif END not in seen:
                self.sample.gaps.append(now - self.last)
            self.last = now
        if END not in seen:
            # The head is kept until the first event; after that enough to find an event that is cut in two, and usage.
            self.tail = seen if self.first else seen[-2048:]
            return False
        counts = USAGE.findall(seen)
        if not counts:
            raise RuntimeError(f"no usage in the last event: {seen[-300:]!r}")
        self.sample.tokens = int(counts[-1])
        self.samples.append(self.sample)
        self.socket.close()
        return True


def run_closed_loop(address, bodies_of_streams):
    """(samples, seconds) of all streams together, from the first request to the end of the last answer."""
    selector = selectors.DefaultSelector()
    streams = [Stream(address, bodies) for bodies in bodies_of_streams]
    began = time.perf_counter()
    running = 0
    for stream in streams:
        if stream.start_next():
            selector.register(stream.socket, selectors.EVENT_READ, stream)
            running += 1
    while running:
        ready = selector.select(timeout=300)
        if not ready:
            raise RuntimeError("nothing arrived for 300 seconds")
        for key, _ in ready:
            stream = key.data
            if not stream.receive():
                continue
            selector.unregister(key.fileobj)
            if stream.start_next():
                selector.register(stream.socket, selectors.EVENT_READ, stream)
            else:
                running -= 1
    return [sample for stream in streams for sample in stream.samples], time.perf_counter() - began
