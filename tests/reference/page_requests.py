"""Requests to a page as a program makes them, without a browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any

_DOCKERFILE = Path(__file__).resolve().parents[2] / "Dockerfile"


def fetch(url: str, body: Any = None, kind: str = "application/json") -> tuple[int, Message, str]:
    """Return status, headers and text of an answer; a body is posted as JSON, whatever its kind is said to be."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": kind} if data else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def docker_health_check(port: int) -> subprocess.CompletedProcess[str]:
    """Run the Dockerfile's own check of health against a port."""
    (check,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.+\])$", _DOCKERFILE.read_text(), re.MULTILINE)
    _, *rest = json.loads(check.replace(":7860/", f":{port}/"))
    environment = {**os.environ, "NO_PROXY": "127.0.0.1,localhost"}
    words = [sys.executable, *rest]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30, check=False)
