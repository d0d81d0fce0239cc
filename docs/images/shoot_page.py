"""Take pictures of every tab of the page: python docs/images/shoot_page.py PHOTO OTHER_PHOTO OUTPUT_PATH.

The photos are of people who do not exist. Each state is taken as on a desktop and on a phone, light and
dark: all tabs before the first photo, and four of them with results. They are to be looked at; none is kept here.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import sys
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from film_page import Film

from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.web.server import serving
from ppgan_ext.web.texts import TEXTS

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TABS = ("age", "fusion", "edit", "mix", "cartoon", "invert", "generate", "about")


class Camera(Film):
    """A visitor who takes pictures of the whole page, and files them by tab, state, size and colours."""

    def __init__(self, page: Any, language: str, folder: Path) -> None:
        super().__init__(page, language)
        self._folder = folder

    def show(self, tenths: int, still: bool = False) -> None:
        """Film nothing."""

    def shoot(self, name: str) -> None:
        """Take the page as it is, at each size and in each scheme of colours."""
        for size, view in SIZES.items():
            self.page.set_viewport_size(view)
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)
                self.page.wait_for_timeout(400)
                path = self._folder / f"{self.language}.{name}.{size}.{scheme}.png"
                self.page.screenshot(path=path, full_page=True)
        self.page.set_viewport_size(SIZES["desktop"])

    def go(self, name: str) -> None:
        """Go to a tab; the last one has no button that starts anything."""
        self.click(f"button[role=tab]:text-is('{TEXTS[f'tab_{name}'].of(self.language)}')")
        self.page.wait_for_timeout(500)

    def start(self, name: str, result: str) -> None:
        """Start a tab's work, and take the page with its result."""
        self.click(f"#start-{name}")
        self.wait(f"#{result}")
        self.page.wait_for_selector(f"#start-{name} >> visible=true")
        self.shoot(f"{name}.result")


def take(camera: Camera, photo: Path, other: Path) -> None:
    """Go through all tabs, then make the results."""
    for name in TABS:
        camera.go(name)
        camera.shoot(name)
    camera.go("age")
    camera.choose("age", photo)
    camera.start("age", "age-older")
    camera.go("cartoon")
    camera.choose("cartoon", photo)
    camera.start("cartoon", "cartoon-result")
    camera.go("edit")
    camera.choose("edit", photo)
    camera.wait("#edit-result")
    camera.slide("smile", 0.8)
    camera.shoot("edit.result")
    camera.go("fusion")
    camera.choose("fusion-1", photo)
    camera.choose("fusion-2", other)
    camera.click("#consent input")
    camera.start("fusion", "fusion-result")


def main() -> None:
    """Take the page in both languages."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("output_path", type=Path)
    words = parser.parse_args()
    words.output_path.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(PageOptions(port=port)) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for language, path in (("en", "en"), ("zh", "")):
            page = browser.new_page(viewport=SIZES["desktop"])
            page.set_default_timeout(240_000)
            page.goto(served.url + path)
            page.wait_for_selector("#start-age")
            take(Camera(page, language, words.output_path), words.photo, words.other)
            page.close()


if __name__ == "__main__":
    main()
