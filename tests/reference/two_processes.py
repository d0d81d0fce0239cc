"""tools/main.py with the toy family in two processes, started as Paddle's launcher starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

TOY_MAIN = Path(__file__).with_name("toy_main.py")
TOY_MAINS = TOY_MAIN.with_name("toy_mains.py")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def two_processes(*words, script=TOY_MAIN):
    """Run two processes in the environment of Paddle's launcher; return (exit code, stdout, stderr) of each."""
    endpoints = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    common = {
        "PADDLE_TRAINERS_NUM": "2",
        "PADDLE_TRAINER_ENDPOINTS": ",".join(endpoints),
        "PADDLE_MASTER": endpoints[0],
        "PADDLE_DISTRI_BACKEND": "gloo",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), *map(str, words), "--no-cuda"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | common | {"PADDLE_TRAINER_ID": str(rank), "PADDLE_CURRENT_ENDPOINT": endpoints[rank]},
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=240) for process in processes]
    return [(process.returncode, out, err) for process, (out, err) in zip(processes, outputs, strict=True)]
