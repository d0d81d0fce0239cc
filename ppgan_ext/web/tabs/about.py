"""The tab about the page: the model and its licence, limits, privacy, and the machine as the doctor sees it."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from ppgan_ext.apps.doctor import doctor_sections
from ppgan_ext.apps.page.model_facts import model_facts
from ppgan_ext.apps.predictor import take_turns
from ppgan_ext.web.languages import Language
from ppgan_ext.web.message_texts import tell_licence, tell_machine
from ppgan_ext.web.results_panel import Readers, ResultsPanel
from ppgan_ext.web.site import Site

# The doctor's other sections name folders of this machine, which are no visitor's business.
_SHOWN = ("Versions", "Processor", "Devices")


def build_about(site: Site, readers: Readers) -> Callable[[ResultsPanel], None]:
    """Draw the tab; return the function that connects it."""
    say = site.say
    record = model_facts(site.page.options.model_type)
    line = say(
        "about_model_line", name=record.name, size=record.size, papers=", ".join(record.papers),
        licence=tell_licence(record.licence, site.language),
    )  # fmt: skip
    parts = [
        ("about_model", line),
        ("about_limits", say("about_limits_text")),
        ("about_privacy", say("about_privacy_text")),
        ("about_licence", say("about_licence_text")),
    ]
    if site.page.options.output_path is not None:
        parts[2] = ("about_privacy", f"{parts[2][1]}\n\n{say('about_kept')}")
    with gr.Column(elem_classes="pe-about"):
        for title, text in parts:
            gr.Markdown(f"### {say(title)}\n\n{text}")
        gr.Markdown(f"### {say('about_machine')}")
        look = gr.Button(say("about_look"), elem_id="look-machine", size="md")
        machine = gr.Markdown(visible=False, elem_id="machine")

    def wire(panel: ResultsPanel) -> None:
        look.click(
            lambda: gr.update(value=describe_machine(site.language), visible=True),
            None,
            machine,
            show_progress="hidden",
            api_visibility="private",
        )

    return wire


def describe_machine(language: Language) -> str:
    """Return the sections of the doctor's report that name no folder, as Markdown."""
    sections = [(title, lines) for title, lines in take_turns(doctor_sections) if title in _SHOWN]
    return "\n\n".join(
        "\n".join([f"**{tell_machine(title, language)}**\n", *(f"- {tell_machine(line, language)}" for line in lines)])
        for title, lines in sections
    )
