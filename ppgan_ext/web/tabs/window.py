"""What the windows of all tabs share: start and stop, the line of status, and the way to the results."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import gradio as gr

from ppgan_ext.web import markup
from ppgan_ext.web.photo_input import PhotoInput
from ppgan_ext.web.results_panel import ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, Site, Updates, Work

Prepare = Callable[[Session, Sequence[Any]], Work]


class StartRow:
    """The buttons start and stop, and the line of status below them.

    Args:
        site: the page.
        name: of the tab.
        text: of the button.
        photos: that the work is done with; what was wrong with one of them is no longer said when work begins.
    """

    def __init__(self, site: Site, name: str, text: str, photos: Sequence[PhotoInput] = ()) -> None:
        self._site = site
        self._messages = [photo.message for photo in photos]
        with gr.Row(elem_classes="pe-start"):
            self.start = gr.Button(text, variant="primary", size="lg", elem_id=f"start-{name}")
            self.stop = gr.Button(site.say("stop"), variant="stop", visible=False, size="lg", elem_id=f"stop-{name}")
        self.status = gr.HTML(markup.status_text(), elem_id=f"status-{name}", padding=False)

    def wire(self, prepare: Prepare, inputs: Sequence[Any], outputs: Sequence[Any], panel: ResultsPanel) -> None:
        """Connect the buttons.

        Args:
            prepare: from a visit and the values of the inputs to the work.
            inputs: components whose values it gets.
            outputs: components that outcomes may update.
            panel: gets the results.
        """
        site = self._site

        async def run(request: gr.Request, *values: Any) -> AsyncIterator[Updates]:
            visit = site.visit(request)
            running = {self.start: gr.update(visible=False), self.stop: gr.update(visible=True)}
            running |= {message: gr.update(visible=False) for message in self._messages}
            async with contextlib.aclosing(site.run(visit, lambda: prepare(visit, values))) as states:
                async for state in states:
                    if isinstance(state, Outcome):
                        yield {**state.updates, **panel.updates(visit), **running}
                    else:
                        yield {self.status: state, **running}
                    running = {}
            yield {self.start: gr.update(visible=True), self.stop: gr.update(visible=False)}

        self.start.click(
            run, list(inputs), [self.start, self.stop, self.status, *self._messages, *outputs, *panel.outputs],
            show_progress="hidden", concurrency_limit=None, api_visibility="private",
        )  # fmt: skip
        self.stop.click(site.stop, None, None, queue=False, show_progress="hidden", api_visibility="private")


def result_image(label: str, name: str, height: int) -> gr.Image:
    """Make a place for a result, whose file is shown and downloaded as it was written."""
    return gr.Image(
        label=label, type="filepath", interactive=False, height=height, buttons=["download", "fullscreen"],
        elem_classes="pe-result", elem_id=name,
    )  # fmt: skip
