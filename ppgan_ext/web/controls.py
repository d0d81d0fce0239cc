"""Controls for options, made from the options models: names, ranges, steps, defaults and choices exist only there."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from pydantic.fields import FieldInfo

from ppgan_ext.apps.flags import group_of, value_kind
from ppgan_ext.apps.options import Options, literal_choices, plain_types
from ppgan_ext.errors import PpganExtError
from ppgan_ext.web.languages import Language
from ppgan_ext.web.option_texts import OPTIONS, choice_name, option_name

# Groups of options that are a visitor's business; of the others only the seed.
_GROUPS = ("face", "fitting", "output")
# Options of these groups that name files or folders of this machine.
PATHS = ("output_path", "direction_path", "rotator_path", "pre_latent")
# The most that one visitor may ask for, where the options model allows more: others are waiting.
LIMITS = {"fit_steps": 300, "tune": 300, "refine": 200, "step": 500, "n_row": 6, "n_col": 8, "face_size": 1024}


class PageLimitError(PpganExtError):
    """A value is allowed, but asks for too much on a page that many share.

    Attributes:
        name: the option.
        limit: the most.
    """

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"{name} can be {limit} at most on this page")
        self.name = name
        self.limit = limit

    def __reduce__(self) -> tuple:
        """Pickle by the arguments of the constructor."""
        return type(self), (self.name, self.limit)


@dataclass(frozen=True, eq=False)
class Control:
    """One option on the page.

    Attributes:
        name: of the option.
        field: the options model's.
        component: Gradio's.
    """

    name: str
    field: FieldInfo
    component: Any

    def read(self, value: Any) -> Any:
        """Return a component's value for the options model; None where the default holds."""
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if value_kind(self.field.annotation) == "list":
            return str(value).replace(",", " ").split()
        return value

    def show(self, options: Options) -> Any:
        """Return the component's update that shows the value of an options model."""
        shown = _shown(getattr(options, self.name))
        return gr.update(value=str(shown or "") if isinstance(self.component, gr.Textbox) else shown)


def option_names(model: type[Options], without: Iterable[str] = (), also: Iterable[str] = ()) -> list[str]:
    """List the options of a model that the page offers, in the model's order.

    Args:
        model: the options model.
        without: options for which a tab has a way of its own.
        also: options of other groups.
    """
    hidden = {*without, *PATHS}
    return [
        name
        for name, field in model.model_fields.items()
        if name not in hidden and (group_of(field) in _GROUPS or name in also)
    ]


def make_controls(model: type[Options], names: Sequence[str], language: Language) -> list[Control]:
    """Make a control for each option, in the Gradio context at hand, two beside each other where there is room."""
    with gr.Row(equal_height=False, elem_classes="pe-controls"):
        return [
            Control(name, model.model_fields[name], _component(name, model.model_fields[name], language))
            for name in names
        ]


def read_controls(controls: Sequence[Control], values: Sequence[Any]) -> dict[str, Any]:
    """Return option -> value of all controls that say something.

    Raises:
        PageLimitError: a value is above the page's limit.
    """
    read = {control.name: control.read(value) for control, value in zip(controls, values, strict=True)}
    given = {name: value for name, value in read.items() if value is not None}
    check_limits(given)
    return given


def check_limits(given: Mapping[str, Any]) -> None:
    """Refuse values above the page's limits; values that are no numbers are left to the options model.

    Raises:
        PageLimitError: the first value above its limit.
    """
    for name, limit in LIMITS.items():
        try:
            too_much = float(given.get(name, 0)) > limit
        except (TypeError, ValueError):
            continue
        if too_much:
            raise PageLimitError(name, limit)


def _component(name: str, field: FieldInfo, language: Language) -> Any:
    """Make the component for an option."""
    common: dict[str, Any] = {
        "label": option_name(name, language), "info": OPTIONS[name].help.of(language), "min_width": 200,
    }  # fmt: skip
    default = _shown(field.get_default(call_default_factory=True))
    kind = value_kind(field.annotation)
    choices = literal_choices(field.annotation)
    if kind == "switch":
        return gr.Checkbox(value=bool(default), **common)
    if kind == "list":
        return gr.Textbox(value=default or "", max_lines=1, **common)
    if choices:
        named = [(choice_name(word, language), word) for word in choices]
        return gr.Dropdown(named, value=default, filterable=False, **common)
    low, high = _limit(field, "ge"), _limit(field, "le")
    high = min(high, LIMITS[name]) if name in LIMITS and high is not None else high
    is_whole = int in plain_types(field.annotation)
    if low is not None and high is not None and default is not None:
        return gr.Slider(low, high, value=default, step=_step(field) or (1 if is_whole else None), **common)
    if default is None:  # a field of numbers cannot be empty
        return gr.Textbox(value="", max_lines=1, **common)
    return gr.Number(value=default, precision=0 if is_whole else None, **common)


def _limit(field: FieldInfo, kind: str) -> float | None:
    return next((getattr(item, kind) for item in field.metadata if hasattr(item, kind)), None)


def _step(field: FieldInfo) -> float | None:
    extra = field.json_schema_extra
    return typing.cast("float | None", extra.get("step")) if isinstance(extra, dict) else None


def _shown(value: Any) -> Any:
    """Return an option's value as its component shows it."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}={number:g}" for name, number in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)
    return value
