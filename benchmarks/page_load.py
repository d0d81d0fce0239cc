"""The page under load: its start, twenty visitors at once, a slider, and the memory of the server.

Each visitor is a thread that speaks HTTP as a browser does: uploads a photo, chooses it, starts an ageing, reads the
stream of events. What is checked beside the times: everybody is served, and nobody's result is in another's gallery.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.age_command import SIDE, make_photo
from benchmarks.common import ROOT, BenchmarkError, Case, Report, clean_environment, main, make_report, summarise
from ppgan_ext import runtime

NUM_VISITORS = 20
TARGET_RSS_MB = 3000.0
TARGET_START, TARGET_SLIDER = 8.0, 1.0  # the slider's is to the face, which comes before the whole photo
_RUN = "import sys; from ppgan_ext.apps.command_line import main; sys.exit(main(sys.argv[1:]))"
_LONGEST = 900.0


class Taken(NamedTuple):
    """Time on the clock, and the server's processor time."""

    seconds: float
    cpu_seconds: float


class Server:
    """``ppgan-ext page`` in a process of its own."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        began = time.perf_counter()
        words = [sys.executable, "-c", _RUN, "page", "--port", str(port), "--longest_line", str(2 * NUM_VISITORS)]
        self._process = subprocess.Popen(
            words, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise BenchmarkError(f"the page did not start: {line!r}")
        self.url = found[0]
        self.config = json.loads(self.get("config"))
        self.seconds_to_start, self.cpu_to_start = time.perf_counter() - began, self.cpu_seconds()

    def get(self, path: str) -> bytes:
        """Fetch a path of the page."""
        with urllib.request.urlopen(urllib.parse.urljoin(self.url, path), timeout=_LONGEST) as answer:
            return bytes(answer.read())

    def memory_mb(self, kind: str = "VmHWM") -> float | None:
        """Return the peak of the server's resident memory (Linux); None elsewhere."""
        status = Path(f"/proc/{self._process.pid}/status")
        found = re.search(rf"{kind}:\s+(\d+) kB", status.read_text()) if status.exists() else None
        return None if found is None else int(found[1]) / 1024

    def cpu_seconds(self) -> float:
        """Return the processor time that the server has taken, for each of its threads of computation (Linux)."""
        status = Path(f"/proc/{self._process.pid}/stat")
        if not status.exists():
            return 0.0
        fields = status.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") / runtime.num_threads()

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(60)


class Visitor:
    """One visitor with a browser's view of the page in English."""

    def __init__(self, server: Server, photo: Path) -> None:
        self._server, self._photo, self._key = server, photo, uuid.uuid4().hex[:11]
        self._components = {entry["id"]: entry for entry in server.config["components"]}
        names = {entry["props"].get("elem_id"): number for number, entry in self._components.items()}
        self._ids = {name: number for name, number in names.items() if name}

    def call(
        self, element: str, event: str, given: dict[int, Any] | None = None,
        watch: Callable[[str], None] = lambda message: None,
    ) -> str:  # fmt: skip
        """Trigger an event of an element, and return all that the server sends until it has ended.

        Args:
            element: its id in the document.
            event: such as "click".
            given: values of inputs by component; the others have those they began with.
            watch: called with each message as it comes.
        """
        target = [self._ids[element], event]
        number = next(fn for fn in self._server.config["dependencies"] if target in map(list, fn["targets"]))
        inputs = [(given or {}).get(one, self._components[one]["props"].get("value")) for one in number["inputs"]]
        body = {"data": inputs, "fn_index": number["id"], "session_hash": self._key, "event_data": None}
        self._post("gradio_api/queue/join", body)
        sent = []
        for message in self._events():
            sent.append(json.dumps(message))
            watch(sent[-1])
            if message.get("success") is False:
                raise BenchmarkError(f"{element} failed: {message.get('output')}")
            if message["msg"] == "process_completed":
                return "\n".join(sent)
        raise BenchmarkError(f"{element}: the stream of events ended")

    def choose_photo(self, place: str) -> None:
        """Upload the photo and choose it."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{self._photo.name}"\r\n'
        body = f"{head}Content-Type: image/png\r\n\r\n".encode() + self._photo.read_bytes()
        body += f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        (path,) = json.loads(self._request("gradio_api/upload", body, kind))
        upload = {"path": path, "orig_name": self._photo.name, "meta": {"_type": "gradio.FileData"}}
        self.call(f"photo-{place}", "input", {self._ids[f"photo-{place}"]: upload})

    def slide(self, name: str, amount: float) -> tuple[Taken, Taken]:
        """Move a slider of the tab for edits; return what it took to the face, and to the whole photo."""
        slider, began, cpu_before = f"slider-{name}", time.perf_counter(), self._server.cpu_seconds()
        faces: list[Taken] = []

        def taken() -> Taken:
            return Taken(time.perf_counter() - began, self._server.cpu_seconds() - cpu_before)

        def watch(message: str) -> None:
            if "face.png" in message and not faces:
                faces.append(taken())

        self.call(slider, "release", {self._ids[slider]: amount}, watch)
        if not faces:
            raise BenchmarkError("the slider did not show the face first")
        return faces[0], taken()

    def results(self) -> list[str]:
        """Make a photo older and younger, and return the paths of the visitor's whole gallery."""
        shown = urllib.parse.unquote(self.call("start-age", "click"))
        return sorted(set(re.findall(r'visit-[0-9a-f]+/[0-9a-f]+/[^"\\]*\.age[^"\\]*\.png', shown)))

    def _post(self, path: str, body: dict[str, Any]) -> bytes:
        return self._request(path, json.dumps(body).encode(), "application/json")

    def _request(self, path: str, body: bytes, kind: str) -> bytes:
        request = urllib.request.Request(urllib.parse.urljoin(self._server.url, path), body, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=_LONGEST) as answer:
            return bytes(answer.read())

    def _events(self) -> Iterator[dict[str, Any]]:
        url = urllib.parse.urljoin(self._server.url, f"gradio_api/queue/data?session_hash={self._key}")
        with urllib.request.urlopen(url, timeout=_LONGEST) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])


def visit_all(server: Server, photo: Path, count: int) -> tuple[list[float], list[list[str]]]:
    """Let visitors come at once; return how long each waited for both ages, and the paths of each one's results."""
    seconds, galleries, faults = [], [], []

    def visit() -> None:
        try:
            visitor = Visitor(server, photo)
            visitor.choose_photo("age")
            began = time.perf_counter()
            galleries.append(visitor.results())
            seconds.append(time.perf_counter() - began)
        except Exception as error:  # noqa: BLE001 - raised again below
            faults.append(error)

    threads = [threading.Thread(target=visit) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_LONGEST)
    if faults or len(galleries) < count:
        raise BenchmarkError(f"{len(galleries)} of {count} visitors were served: {faults[:1]}")
    return seconds, galleries


def check_apart(galleries: list[list[str]]) -> None:
    """Refuse results that are in two visitors' galleries, and galleries of another size than two.

    Raises:
        BenchmarkError: a result is where it does not belong.
    """
    paths = [path for gallery in galleries for path in gallery]
    folders = [{path.partition("/")[0] for path in gallery} for gallery in galleries]
    if len(set(paths)) != 2 * len(galleries) or any(len(folder) != 1 for folder in folders):
        raise BenchmarkError(f"{len(set(paths))} results in {len(galleries)} galleries, not two in each")


def _slider_case(name: str, taken: list[Taken], target: float | None) -> Case:
    timing = summarise([one.seconds for one in taken], [one.cpu_seconds for one in taken])
    return Case(name=name, timing=timing, peak_rss_mb=None, target_seconds=target)


def run(quick: bool, num_repeats: int) -> Report:
    """Measure the page's start, its visitors, and a slider."""
    count = 2 if quick else NUM_VISITORS
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.png"
        make_photo(photo, 256 if quick else SIDE)
        server = Server()
        try:
            start = summarise([server.seconds_to_start], [server.cpu_to_start])
            alone, _ = visit_all(server, photo, 1)
            seconds, galleries = visit_all(server, photo, count)
            check_apart(galleries)
            visitor = Visitor(server, photo)
            visitor.choose_photo("edit")
            slides = [visitor.slide("smile", 0.5 + 0.1 * repeat) for repeat in range(num_repeats + 1)]
            peak = server.memory_mb()
        finally:
            server.close()
    details: dict[str, float | int | str | bool | None] = {"visitors": count, "longest": round(max(seconds), 1)}
    cases = [
        Case(name="start", timing=start, peak_rss_mb=None, target_seconds=None if quick else TARGET_START),
        Case(name="one visitor", timing=summarise(alone), peak_rss_mb=None),
        Case(
            name=f"{count} visitors at once", timing=summarise(seconds), peak_rss_mb=peak,
            target_rss_mb=None if quick else TARGET_RSS_MB, details=details,
        ),
        _slider_case("slider to face", [face for face, _ in slides[1:]], None if quick else TARGET_SLIDER),
        _slider_case("slider to photo", [photo for _, photo in slides[1:]], None),
    ]  # fmt: skip
    return make_report("page_load", quick, cases, {})


if __name__ == "__main__":
    sys.exit(main("page_load", run))
