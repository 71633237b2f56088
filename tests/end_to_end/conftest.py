# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from troupe_server import BINARY, MODEL, MODEL_NAME, SLOWNESS, TroupeServer  # noqa: E402


def pytest_sessionstart(session):
    for path, what in ((BINARY, "TROUPE_BINARY"), (MODEL, "TROUPE_TEST_MODEL")):
        if not os.path.exists(path):
            pytest.exit(f"{what}: {path} does not exist; tests/run.sh makes it", returncode=1)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for every test of a file; it must end cleanly, with no block leaked and its audit chain whole."""
    server = TroupeServer(tmp_path_factory.mktemp("troupe") / "data").wait_ready()
    yield server
    server.wait_idle()
    assert server.terminate() == 0, server.log()


@pytest.fixture
def start(tmp_path):
    """Starts servers of a test's own: start(*options) or start(model=path). They are ended with the test."""
    servers = []

    def start_one(*options, **arguments):
        servers.append(TroupeServer(tmp_path / f"data{len(servers)}", *options, **arguments))
        return servers[-1]

    yield start_one
    for server in servers:
        if server.process.poll() is None:
            server.terminate()


@pytest.fixture
def client(server):
    from openai import OpenAI

    return OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=60 * SLOWNESS)


@pytest.fixture
def model():
    return MODEL_NAME
