"""Options of tools/prepare_pairs.py."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from ppgan_ext.apps.options import Options, option


class PairOptions(Options):
    """Options of `pair_folders.prepare_pairs`."""

    a: str | None = option(None, "folder of the left pictures, A", group="input")
    b: str | None = option(None, "folder of the right pictures, B, with the same file names", group="input")
    draw: Literal["edges", "sketch", "landmarks"] | None = option(
        None, "draw B after the photos of --input instead", group="input"
    )
    input: str | None = option(None, "folder of photos to draw after: A", group="input")
    skip_missing: bool = option(False, "leave out pictures without a partner instead of refusing", group="input")
    output: str = option("pairs", "folder for the pairs, made if missing", group="output")
    size: int | None = option(
        None,
        "side of each half in pixels, from the central square (default: as they are)",
        group="output",
        ge=16,
        le=4096,
    )

    @model_validator(mode="after")
    def _one_way(self) -> PairOptions:
        if self.draw is None and (self.a is None or self.b is None):
            raise ValueError("give --a and --b to join two folders, or --draw and --input")
        if self.draw is None and self.input is not None:
            raise ValueError("--input needs --draw edges, sketch or landmarks")
        if self.draw is not None and self.input is None:
            raise ValueError("--draw needs the folder of photos: --input")
        if self.draw is not None and (self.a is not None or self.b is not None):
            raise ValueError("give either --draw and --input, or --a and --b")
        return self
