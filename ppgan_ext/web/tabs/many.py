"""Many photos at once, below the window for one: each is worked on with the window's options, and all come as a zip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.predictor import BasePredictor, Progress
from ppgan_ext.apps.results import Made
from ppgan_ext.errors import InputError
from ppgan_ext.picture_decoding import picture_size
from ppgan_ext.web import markup
from ppgan_ext.web.archives import pack
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.results_panel import ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, SayError, Site, Updates, Work
from ppgan_ext.web.tabs.window import StartRow
from ppgan_ext.web.uploads import check_upload, is_shown_by_browsers

# The most of one visitor: others are waiting, and the results need room.
MAX_PHOTOS = 20
MAX_MEGAPIXELS = 120.0
_HEIGHT = 150


@dataclass(frozen=True, eq=False)
class Batch:
    """What to do with each photo.

    Attributes:
        command: name of the command that makes the same.
        open_predictor: makes a predictor from a folder for its files and a progress callback.
        work: from a predictor and a photo to what was made; its first files are the results.
        options: what each photo is done with.
        captions: of the results of a photo.
    """

    command: str
    open_predictor: Callable[[Path, Progress], BasePredictor]
    work: Callable[[Any, Job], Made[Any]]
    options: Options
    captions: Sequence[str]


class ManyPhotos:
    """The photos and their button, in the Gradio context at hand.

    Args:
        site: the page.
        tab: the tab's name.
    """

    def __init__(self, site: Site, tab: str) -> None:
        self._site, self._place = site, f"many-{tab}"
        say = site.say
        with gr.Accordion(say("many"), open=False, elem_classes="pe-options", elem_id=self._place):
            gr.HTML(f'<div class="pe-hint">{say("many_how", most=MAX_PHOTOS)}</div>', padding=False)
            self.files = gr.File(
                file_count="multiple", file_types=["image"], label=say("many_photos"), height=_HEIGHT,
                elem_classes="pe-drop",
                elem_id=f"files-{self._place}",
            )  # fmt: skip
            self.row = StartRow(site, self._place, say("start_many"))
            self.archive = gr.DownloadButton(say("download_zip"), visible=False, elem_id=f"zip-{self._place}")

    def wire(self, prepare: Callable[[Sequence[Any]], Batch], inputs: Sequence[Any], panel: ResultsPanel) -> None:
        """Connect the events.

        Args:
            prepare: from the values of the inputs to what to do with each photo.
            inputs: the window's options.
            panel: gets the results.
        """
        self.files.change(
            self._take, self.files, [self.row.status, self.archive], preprocess=False, show_progress="hidden",
            api_visibility="private", concurrency_limit=4, concurrency_id="uploads",
        )  # fmt: skip

        def start(visit: Session, values: Sequence[Any]) -> Work:
            photos = chosen_photos(visit, self._place)
            return _Working(self._site, visit, photos, prepare(values), self.archive).run

        self.row.wire(start, inputs, [self.archive], panel)

    def _take(self, uploaded: Any, request: gr.Request) -> Updates:
        """Note which photos there are; they are opened when their turn comes."""
        visit = self._site.visit(request)
        payloads = uploaded if isinstance(uploaded, list) else []
        try:
            visit.kept[self._place] = [self._site.uploaded_file(visit, payload) for payload in payloads]
            told = markup.status_text(self._site.say("many_chosen", count=len(payloads)) if payloads else "")
        except SayError as error:
            told = markup.status_error(self._site.tell(error))
        return {self.row.status: told, self.archive: gr.update(visible=False)}


@dataclass(eq=False)
class _Working:
    """The work of one click."""

    site: Site
    visit: Session
    photos: list[Path]
    batch: Batch
    place: Any
    made: list[tuple[list[tuple[Path, str]], Path | None, Recipe]] = field(default_factory=list)

    def run(self, progress: Progress) -> Outcome:
        """Work on each photo; one that cannot be used does not end the others."""
        begun, site = 0, self.site

        def tell(task: str, done: int, total: int, note: str = "") -> None:
            progress(f"photo {begun} of {len(self.photos)}", begun - 1, len(self.photos))

        def work(job: Job) -> Made[Any]:
            nonlocal begun
            begun += 1
            return self._one(predictor, job)

        folder = self.visit.new_folder()
        predictor = self.batch.open_predictor(folder, tell)
        notes, interrupted = [], False
        try:
            results = predictor.run_inputs(predictor.open_inputs(list(map(str, self.photos))), work, warns=False)
            assert isinstance(results, BatchResult)
            interrupted = results.interrupted
            notes = [f"{Path(one.job.name).name}: {site.tell(one.error)}" for one in results.failures if one.error]
        except KeyboardInterrupt:  # the photos before are done
            interrupted = True
        if interrupted and not self.made:
            raise KeyboardInterrupt
        told = site.say("many_done", done=len(self.made), count=len(self.photos))
        if not self.made:
            return Outcome([], {}, [told, *notes])
        items = site.keep_all(folder, self.made)
        archive = pack(self.visit.new_folder() / "ppgan_ext-photos.zip", [folder])
        return Outcome(items, {self.place: gr.update(value=str(archive), visible=True)}, [told, *notes], interrupted)

    def _one(self, predictor: Any, job: Job) -> Made[Any]:
        path = Path(job.source)
        check_upload(path)
        made = self.batch.work(predictor, job)
        captions = [f"{job.stem}: {caption}" for caption in self.batch.captions]
        recipe = Recipe(self.batch.command, self.batch.options, {"input_image": path.name})
        before = path if is_shown_by_browsers(path) else None
        self.made.append((list(zip(made.files, captions, strict=False)), before, recipe))
        return made.with_result(None)  # the files are all that is shown: many large results would fill the memory


def chosen_photos(visit: Session, place: str) -> list[Path]:
    """Return the photos of a place, if they are not too many.

    Raises:
        SayError: none, too many, too large together, or deleted by now.
    """
    photos: list[Path] = visit.kept.get(place, [])
    if not photos:
        raise SayError("no_photos")
    if not all(path.is_file() for path in photos):
        raise SayError("session_over")
    if len(photos) > MAX_PHOTOS or _megapixels(photos) > MAX_MEGAPIXELS:
        raise SayError("too_many_photos", most=MAX_PHOTOS, megapixels=f"{MAX_MEGAPIXELS:.0f}")
    return photos


def _megapixels(photos: Sequence[Path]) -> float:
    """Return the pixels of all photos that can be used, by their headers."""
    pixels = 0
    for path in photos:
        try:
            check_upload(path)
        except InputError:
            continue  # told when its turn comes
        width, height = picture_size(path)
        pixels += width * height
    return pixels / 1e6
