"""Film the page in the browser: python docs/images/film_page.py PHOTO OTHER_PHOTO, of people who do not exist.

Writes page.mp4 and page.gif in English, page_cn.mp4 and page_cn.gif in Chinese. Playwright clicks as a visitor does, in
Chromium; the model is the bundled one. Time in which the page only works is left out; all that is shown was shown.
"""

from __future__ import annotations

import argparse
import io
import shutil
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
import PIL.Image
import PIL.ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.web.server import serving
from ppgan_ext.web.texts import TEXTS

FOLDER = Path(__file__).resolve().parent
VIEW = {"width": 1120, "height": 800}
GIF_WIDTH, GIF_COLOURS, RATE = 760, 128, 10
_ARROW = ((0, 0), (0, 19), (4, 15), (8, 23), (11, 22), (7, 14), (13, 14))


@dataclass
class Film:
    """What has been filmed of a browser's page: pictures, and for how many tenths of a second each is shown."""

    page: Any
    language: str
    at: tuple[float, float] = (560.0, 420.0)
    frames: list[tuple[PIL.Image.Image, int]] = field(default_factory=list)
    seen: bytes = b""

    def show(self, tenths: int, still: bool = False) -> None:
        """Film the page as it is, with the pointer; a page that stands still is the picture before."""
        self.seen = self.seen if still else self.page.screenshot()
        picture = PIL.Image.open(io.BytesIO(self.seen)).convert("RGB")
        outline = [(self.at[0] + x, self.at[1] + y) for x, y in _ARROW]
        PIL.ImageDraw.Draw(picture).polygon(outline, fill="black", outline="white")
        self.frames.append((picture, tenths))

    def point(self, selector: str, x: float = 0.5, y: float = 0.5, drags: bool = False) -> None:
        """Move the pointer to a place of an element, given in shares of its width and height."""
        element = self.page.locator(selector).locator("visible=true").first
        box, start = element.bounding_box(), self.at
        end = (box["x"] + x * box["width"], box["y"] + y * box["height"])
        for share in (0.35, 0.75, 1.0):
            self.at = tuple(a + share * (b - a) for a, b in zip(start, end, strict=True))
            self.page.mouse.move(*self.at)
            self.show(1, still=not drags)

    def click(self, selector: str) -> None:
        """Move the pointer to an element and click it."""
        self.point(selector)
        self.page.mouse.click(*self.at)

    def choose(self, place: str, photo: Path) -> None:
        """Click on a photo's button and choose a file."""
        self.point(f"#choose-{place}")
        self.page.set_input_files(f"#photo-{place} input[type=file]", str(photo))
        script = "s => { const i = document.querySelector(s); return i?.naturalWidth > 0 && /visit-/.test(i.src); }"
        self.page.wait_for_function(script, arg=f"#photo-{place} img")  # the faces are found
        self.page.locator(f"#message-{place}").wait_for(state="hidden")
        self.show(5)

    def tab(self, name: str) -> None:
        """Go to a tab."""
        self.click(f"button[role=tab]:text-is('{TEXTS[f'tab_{name}'].of(self.language)}')")
        self.page.wait_for_selector(f"#start-{name} >> visible=true")
        self.show(6)

    def wait(self, selector: str, old: str | None = None) -> None:
        """Wait until a result is loaded that is another than the one before."""
        script = "([s, old]) => { const i = document.querySelector(s); return i?.naturalWidth > 0 && i.src !== old; }"
        self.page.wait_for_function(script, arg=[f"{selector} img", old])
        self.page.wait_for_timeout(300)

    def slide(self, name: str, share: float) -> None:
        """Drag a slider to a share of its length; the face is filmed first, then the whole photo."""
        face, slider = "#edit-face img", f"#slider-{name} input[type=range]"
        old = self.page.get_attribute(face, "src")
        start = float(
            self.page.eval_on_selector(slider, "input => (input.value - input.min) / (input.max - input.min)")
        )
        self.point(slider, start)
        self.page.mouse.down()
        self.point(slider, share, drags=True)
        self.page.mouse.up()
        self.wait("#edit-face", old)
        self.show(3)
        said = TEXTS["done"].of(self.language, seconds="")[:2]
        self.page.wait_for_function(f"document.querySelector('#status-edit').innerText.startsWith('{said}')")
        self.page.wait_for_timeout(300)
        self.show(9)


def act(film: Film, photo: Path, other: Path) -> None:
    """Do what the film shows: ages, sliders, fusion."""
    film.show(10)
    film.choose("age", photo)
    film.click("#start-age")
    film.page.wait_for_selector("#stop-age >> visible=true")
    film.show(6)
    film.wait("#age-younger")
    film.wait("#age-older")
    film.show(35)
    film.tab("edit")
    film.choose("edit", photo)
    film.wait("#edit-result")
    film.wait("#edit-face")
    film.show(8)
    film.slide("smile", 0.15)
    film.slide("yaw", 0.85)
    film.tab("fusion")
    film.choose("fusion-1", photo)
    film.choose("fusion-2", other)
    film.click("#consent input")
    film.page.wait_for_selector("#consent input:checked")
    film.click("#start-fusion")
    film.page.wait_for_selector("#stop-fusion >> visible=true")
    film.show(6)
    film.wait("#fusion-result")
    film.show(40)


def write(film: Film, stem: str) -> None:
    """Write the film as MP4, with its tenths of a second as frames, and smaller as a GIF of few colours."""
    settings = ["-crf", "27", "-preset", "slow", "-movflags", "+faststart"]
    with imageio.get_writer(FOLDER / f"{stem}.mp4", fps=RATE, quality=None, output_params=settings) as writer:
        for picture, tenths in film.frames:
            for _ in range(tenths):
                writer.append_data(np.asarray(picture))
    height = round(VIEW["height"] * GIF_WIDTH / VIEW["width"])
    small = [picture.resize((GIF_WIDTH, height), PIL.Image.Resampling.LANCZOS) for picture, _ in film.frames]
    sheet = PIL.Image.fromarray(np.concatenate([np.asarray(picture)[::4, ::4] for picture in small]))
    # Cuts at medians alone give the page's many greys nearly all colours, and leaves behind a person turn brown.
    palette = sheet.quantize(GIF_COLOURS, method=PIL.Image.Quantize.MAXCOVERAGE, kmeans=2)
    indexed = [picture.quantize(palette=palette, dither=PIL.Image.Dither.NONE) for picture in small]
    durations = [1000 * tenths // RATE for _, tenths in film.frames]
    indexed[0].save(FOLDER / f"{stem}.gif", save_all=True, append_images=indexed[1:], duration=durations, loop=0)


def main() -> None:
    """Film the page in both languages."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("other", type=Path)
    words = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(PageOptions(port=port)) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for language, path, stem in (("en", "en", "page"), ("zh", "", "page_cn")):
            page = browser.new_page(viewport=VIEW)
            page.set_default_timeout(240_000)
            page.goto(served.url + path)
            page.wait_for_selector("#start-age")
            film = Film(page, language)
            act(film, words.photo, words.other)
            write(film, stem)
            print(stem, sum(tenths for _, tenths in film.frames) / RATE, "seconds", flush=True)
            page.close()


if __name__ == "__main__":
    main()
