"""The few pieces of HTML that the page writes itself; every text in them is escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ppgan_ext.web.jobs import Running, Waiting
from ppgan_ext.web.languages import HTML_CODES, Language
from ppgan_ext.web.message_texts import tell_progress
from ppgan_ext.web.texts import Say

_MINUTE = 60
# Gradio reports that a slider was let go for a pointer only: a slider that keys have moved is let go by a pause.
_KEYS_RELEASE_SLIDERS = (
    "let pause; document.addEventListener('keyup', event => { const slider = event.target;"
    "if (slider.type !== 'range' || !/^(Arrow|Page|Home|End)/.test(event.key)) return; clearTimeout(pause);"
    "pause = setTimeout(() => slider.dispatchEvent(new Event('pointerup', {bubbles: true})), 300); });"
)
# Gradio takes a number beside a slider when its field is left, and refuses one that is out of range: Enter takes it
# too, and the nearest one in range is taken.
_NUMBERS_OF_SLIDERS = (
    "const isNumber = field => field.matches?.('[data-testid=number-input]');"
    "document.addEventListener('keydown', event => {"
    "if (event.key === 'Enter' && isNumber(event.target)) event.target.dispatchEvent(new Event('blur')); });"
    "document.addEventListener('blur', event => { const field = event.target; if (!isNumber(field)) return;"
    "const nearest = String(Math.min(Math.max(field.value, field.min), field.max));"
    "if (nearest !== field.value) { field.value = nearest; field.dispatchEvent(new Event('input', {bubbles: true})); }"
    "}, true);"
)


# Gradio leaves the pictures' descriptions empty: each gets the label of its box.
_LABELS_DESCRIBE_PICTURES = (
    "new MutationObserver(() => document.querySelectorAll('.block img[alt=\"\"]').forEach(picture => {"
    "const label = picture.closest('.block').querySelector('[data-testid=block-label]');"
    "if (label) picture.alt = label.innerText.trim(); })).observe(root, {childList: true, subtree: true});"
)


def head(title: str, say: Say, other: str) -> str:
    """Write the head of the page: title, a word on privacy, and the way to the other language."""
    return (
        f'<div class="pe-head"><h1>{html.escape(title)}</h1><span>{html.escape(say("subtitle"))}</span>'
        f'<a href="{html.escape(other)}">{html.escape(say("other_language"))}</a></div>'
    )


def language_script() -> str:
    """Write the script that gives the browser the page's language, in which Gradio then writes its own few words."""
    return (
        "<script>(() => {"
        f"const lang = /\\/en\\/?$/.test(location.pathname) ? '{HTML_CODES['en']}' : '{HTML_CODES['zh']}';"
        "Object.defineProperties(navigator, {language: {get: () => lang}, languages: {get: () => [lang]}});"
        "})();</script>"
    )


def document_script(titles: dict[Language, str]) -> str:
    """Write the script that tells the browser language and title: both pages of Gradio's share one document."""
    english, chinese = (html.escape(titles[language]).replace("\\", "") for language in ("en", "zh"))
    return (
        "<script>(() => {"
        "const english = /\\/en\\/?$/.test(location.pathname), root = document.documentElement;"
        f'const lang = english ? "{HTML_CODES["en"]}" : "{HTML_CODES["zh"]}";'
        f'const title = english ? "{english}" : "{chinese}";'
        f"{_KEYS_RELEASE_SLIDERS}{_NUMBERS_OF_SLIDERS}{_LABELS_DESCRIBE_PICTURES}"
        "const set = () => { if (root.lang !== lang) root.lang = lang;"
        "if (document.title !== title) document.title = title; };"
        "set();"  # Gradio sets both again while it starts
        "new MutationObserver(set).observe(root, {attributes: true, attributeFilter: ['lang']});"
        "new MutationObserver(set).observe(document.head, {childList: true, subtree: true, characterData: true});"
        "})();</script>"
    )


def status_text(text: str = "", notes: Sequence[str] = ()) -> str:
    """Write a plain line of status, and notes below it."""
    lines = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return f'<div class="pe-status">{html.escape(text)}{f"<ul>{lines}</ul>" if lines else ""}</div>'


def status_error(text: str) -> str:
    """Write what went wrong."""
    return f'<div class="pe-status error" role="alert">{html.escape(text)}</div>'


def message(text: str) -> str:
    """Write what is wrong with a photo."""
    return f'<div class="pe-message" role="alert">{html.escape(text)}</div>'


def status_of(state: Waiting | Running, say: Say, language: Language) -> str:
    """Write how far a job is: a bar, what is done, and the time left."""
    if isinstance(state, Waiting):
        if state.seconds is None:
            text = say("waiting", before=state.before)
        else:
            text = say("waiting_time", before=state.before, seconds=duration(state.seconds, say))
        return _bar(None, text)
    if state.stopping:
        return _bar(None, say("stopping"))
    if not state.task:
        return _bar(None, say("starting"))
    text = tell_progress(state.task, language)
    share = None if state.total <= 1 else min(1.0, state.done / state.total)
    if share is not None:
        text = f"{text} {share:.0%}"
    if state.seconds_left is not None:
        text = f"{text} · {say('time_left', seconds=duration(state.seconds_left, say))}"
    return _bar(share, text)


def duration(seconds: float, say: Say) -> str:
    """Write a time in words."""
    if seconds >= _MINUTE:
        return say("minutes", count=f"{seconds / _MINUTE:.1f}")
    return say("seconds", count=f"{max(seconds, 1):.0f}" if seconds >= 10 else f"{max(seconds, 0.1):.1f}")


def _bar(share: float | None, text: str) -> str:
    kind = "bar unknown" if share is None else "bar"
    style = "" if share is None else f' style="width:{share:.1%}"'
    return f'<div class="pe-status"><div class="{kind}"><i{style}></i></div>{html.escape(text)}</div>'
