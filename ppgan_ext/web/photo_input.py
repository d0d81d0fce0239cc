"""A place for a photo: the drop zone, its button, and the choice of a face where there are several."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import gradio as gr

from ppgan_ext.web import markup
from ppgan_ext.web.site import Site, Updates
from ppgan_ext.web.uploads import Upload, chosen_numbers, open_upload

_HEIGHT = 330


class PhotoInput:
    """A photo that a visitor chooses, in the Gradio context at hand.

    Args:
        site: the page.
        place: its name among the visitor's photos.
        label: what is asked for.
        button: text of the button.
        one_face: whether a single face is wanted; otherwise any number.
        height: of the box, in pixels.
    """

    def __init__(
        self,
        site: Site,
        place: str,
        label: str,
        button: str,
        one_face: bool = False,
        height: int = _HEIGHT,
    ) -> None:
        self._site, self._place, self._one_face = site, place, one_face
        say = site.say
        self.image = gr.Image(
            label=label, type="filepath", image_mode=None, sources=["upload", "webcam", "clipboard"], height=height,
            buttons=["fullscreen"], placeholder=say("drop_photo"), elem_classes="pe-photo", elem_id=self._id("photo"),
        )  # fmt: skip
        self.button = gr.UploadButton(
            button, file_types=["image"], size="lg", elem_id=self._id("choose"), type="filepath"
        )
        self.message = gr.HTML(visible=False, elem_id=self._id("message"), padding=False)
        kind: Any = gr.Radio if one_face else gr.CheckboxGroup
        self.chosen = kind([], visible=False, label=say("several_faces", count=2), elem_id=self._id("faces"))

    def wire(self, status: Any) -> tuple[Any, ...]:
        """Connect the events, and return those after which the photo or its chosen faces are other ones.

        Args:
            status: the tab's line of status; what it says of the photo before goes when another one comes.
        """

        async def take(uploaded: Any, request: gr.Request) -> AsyncIterator[Updates]:
            cleared = {status: markup.status_text()}
            async with contextlib.aclosing(self._take(uploaded, request)) as steps:
                async for updates in steps:
                    yield {**updates, **cleared}
                    cleared = {}  # a job may have begun meanwhile

        settings: dict[str, Any] = {
            "preprocess": False,
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": 4,
            "concurrency_id": "uploads",
            "trigger_mode": "multiple",  # a photo may come while the one before is looked at
            "outputs": [self.image, self.message, self.chosen, status],
        }
        dropped = self.image.input(take, self.image, **settings)
        chosen = self.button.upload(take, self.button, **settings)
        clicked = self.image.select(
            self._click, self.chosen, self.chosen, show_progress="hidden", api_visibility="private", queue=False
        )
        return dropped, chosen, clicked

    def numbers(self, upload: Upload, chosen: Any) -> list[int]:
        """Return the numbers of the chosen faces."""
        values = chosen if isinstance(chosen, list) else [] if chosen is None else [chosen]
        return chosen_numbers(upload, values, self._one_face)

    def _id(self, part: str) -> str:
        return f"{part}-{self._place}"

    async def _take(self, uploaded: Any, request: gr.Request) -> AsyncGenerator[Updates, None]:
        """Check a photo, find its faces, and show them, unless another one has come meanwhile: the last one counts."""
        visit = self._site.visit(request)
        taken = visit.last_taken[self._place] = object()
        visit.uploads.pop(self._place, None)
        visit.kept.pop(self._place, None)
        if uploaded is None:
            yield self._updates(None)
            return
        visit.opening += 1
        try:
            yield {self.message: gr.update(value=markup.status_text(self._site.say("finding_faces")), visible=True)}
            file = self._site.uploaded_file(visit, uploaded)
            upload = await asyncio.to_thread(open_upload, file, file.parent)
        except Exception as error:  # noqa: BLE001 - told to the visitor
            if visit.last_taken[self._place] is taken:
                yield self._updates(None, self._site.tell(error))
            return
        finally:
            visit.opening -= 1
        if visit.last_taken[self._place] is taken:
            visit.uploads[self._place] = upload
            yield self._updates(upload)

    def _updates(self, upload: Upload | None, problem: str = "") -> Updates:
        count = 0 if upload is None else len(upload.boxes)
        several = count > 1
        numbers = list(range(1, count + 1))
        value = None if not several else 1 if self._one_face else numbers
        shown = None if upload is None else upload.numbered if several else upload.shown
        say = self._site.say
        text = say("several_faces_one" if self._one_face else "several_faces", count=count)
        choices = [(say("face_number", number=number), number) for number in numbers]
        return {
            self.image: gr.update(value=None if shown is None else str(shown)),
            self.message: gr.update(value=markup.message(problem), visible=bool(problem)),
            self.chosen: gr.update(choices=choices if several else [], value=value, visible=several, label=text),
        }

    def _click(self, chosen: Any, event: gr.SelectData, request: gr.Request) -> Any:
        """Choose the face that was clicked, or leave it out again."""
        upload = self._site.visit(request).uploads.get(self._place)
        if upload is None:
            return chosen
        x, y = event.index
        number = upload.face_at(float(x) / upload.numbered_size[0], float(y) / upload.numbered_size[1])
        if number is None:
            return chosen
        if self._one_face:
            return number
        numbers = set(chosen or ())
        return sorted(numbers - {number} if number in numbers and len(numbers) > 1 else numbers | {number})
