"""The visitor's results, below all tabs: gallery, comparison, downloads, and how to make a result again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from ppgan_ext.apps.options import Options
from ppgan_ext.web import markup
from ppgan_ext.web.archives import pack
from ppgan_ext.web.recipes import read_recipe
from ppgan_ext.web.sessions import Item, Session
from ppgan_ext.web.site import SayError, Site, Updates

_GALLERY_HEIGHT = 330
_COMPARE_HEIGHT = 400
# A click on the button makes the archive; this fetches it.
_FETCH = "() => { setTimeout(() => document.querySelector('#zip-file')?.click(), 300); }"


@dataclass(frozen=True, eq=False)
class Reader:
    """How a tab shows settings that were read.

    Attributes:
        tab: its id.
        name: its name on the page.
        show: from options to updates of its components; raises `SayError` where these cannot show them.
        components: those.
    """

    tab: str
    name: str
    show: Callable[[Options], Updates]
    components: Sequence[Any]


@dataclass(eq=False)
class Readers:
    """The tabs that settings can go to, by command."""

    tabs: Any
    by_command: dict[str, Reader] = field(default_factory=dict)


class ResultsPanel:
    """The panel, in the Gradio context at hand.

    Args:
        site: the page.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        say = site.say
        with gr.Column(visible=False, elem_id="results-panel") as self.whole:
            gr.Markdown(f"## {say('results')}", elem_classes="pe-title")
            with gr.Row(equal_height=False):
                with gr.Column(scale=5, min_width=300):
                    self.gallery = gr.Gallery(
                        show_label=False, columns=2, height=_GALLERY_HEIGHT, allow_preview=False, object_fit="contain",
                        buttons=[], interactive=False, type="filepath", elem_classes="pe-gallery", elem_id="results",
                    )  # fmt: skip
                    with gr.Row():
                        self.download = gr.DownloadButton(say("download"), elem_id="download-one")
                        self.pack = gr.Button(say("download_all"), elem_id="download-all")
                        self.archive = gr.DownloadButton(
                            say("download_zip"), elem_id="zip-file", elem_classes="pe-away"
                        )
                    self.caption = gr.HTML(padding=False)
                with gr.Column(scale=6, min_width=300):
                    self.compare = gr.ImageSlider(
                        label=say("compare"), type="filepath", interactive=False, buttons=["fullscreen"],
                        max_height=_COMPARE_HEIGHT, height=_COMPARE_HEIGHT, elem_classes="pe-result", elem_id="compare",
                    )  # fmt: skip
                    self.single = gr.Image(
                        show_label=False, type="filepath", interactive=False, buttons=["fullscreen"], visible=False,
                        height=_COMPARE_HEIGHT, elem_classes="pe-result", elem_id="single",
                    )  # fmt: skip
        with gr.Accordion(say("settings"), open=False, elem_id="settings"):
            self.command_line = gr.Textbox(
                label=say("command_line"), lines=2, interactive=False, buttons=["copy"], elem_id="command-line"
            )
            self.yaml = gr.Textbox(
                label=say("settings_file"), lines=4, interactive=False, buttons=["copy"], elem_id="settings-yaml"
            )
            self.read = gr.UploadButton(
                say("read_settings"), file_types=[".yaml", ".yml", ".png", ".jpg", ".jpeg", ".webp"], size="md",
                type="filepath", elem_id="read-settings",
            )  # fmt: skip
            self.read_status = gr.HTML(padding=False)
        self.outputs = [
            self.whole, self.gallery, self.download, self.archive, self.caption, self.compare, self.single,
            self.command_line, self.yaml,
        ]  # fmt: skip

    def wire(self, readers: Readers) -> None:
        """Connect the events."""
        settings: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.gallery.select(self._select, None, self.outputs, **settings)
        self.pack.click(self._pack, None, self.archive, **settings).then(
            None, None, None, js=_FETCH, api_visibility="private"
        )
        shown = {id(component): component for reader in readers.by_command.values() for component in reader.components}

        def read(uploaded: Any, request: gr.Request) -> Updates:
            return self._read(uploaded, request, readers)

        outputs = [self.read_status, readers.tabs, *shown.values()]
        self.read.upload(read, self.read, outputs, preprocess=False, **settings)

    def updates(self, visit: Session) -> Updates:
        """Return what to show of a visitor's results."""
        items = visit.items
        item = items[visit.selected] if visit.selected is not None else None
        shown: Updates = {
            self.whole: gr.update(visible=bool(items)),
            self.gallery: gr.update(
                value=[(str(one.path), one.caption) for one in items], selected_index=visit.selected
            ),
        }
        return shown if item is None else {**shown, **self._item_updates(item)}

    def _item_updates(self, item: Item) -> Updates:
        recipe = item.recipe
        has_before = item.before is not None and item.before.is_file()
        return {
            self.download: gr.update(value=str(item.path)),
            self.caption: markup.status_text(item.caption),
            self.compare: gr.update(
                value=(str(item.before), str(item.path)) if has_before else None, visible=has_before
            ),
            self.single: gr.update(value=None if has_before else str(item.path), visible=not has_before),
            self.command_line: "" if recipe is None else recipe.command_line(),
            self.yaml: "" if recipe is None else recipe.yaml(),
        }

    def _select(self, event: gr.SelectData, request: gr.Request) -> Updates:
        visit = self._site.visit(request)
        if not isinstance(event.index, int) or not 0 <= event.index < len(visit.items):
            return self.updates(visit)
        visit.selected = event.index
        return self._item_updates(visit.items[event.index])

    def _pack(self, request: gr.Request) -> Any:
        """Pack all files of all runs into one archive."""
        visit = self._site.visit(request)
        folders = list(dict.fromkeys(item.folder for item in reversed(visit.items)))
        return gr.update(value=str(pack(visit.new_folder() / "ppgan_ext-results.zip", folders)))

    def _read(self, uploaded: Any, request: gr.Request, readers: Readers) -> Updates:
        """Fill a tab with the settings of a file."""
        visit = self._site.visit(request)
        try:
            recipe = read_recipe(self._site.uploaded_file(visit, uploaded), visit.new_folder())
            if recipe is None or recipe.command not in readers.by_command:
                raise SayError("no_settings")
            reader = readers.by_command[recipe.command]
            shown = reader.show(recipe.options)
        except Exception as error:  # noqa: BLE001 - told to the visitor
            return {self.read_status: markup.status_error(self._site.tell(error))}
        told = markup.status_text(self._site.say("settings_read", tab=reader.name))
        return {self.read_status: told, readers.tabs: gr.update(selected=reader.tab), **shown}
