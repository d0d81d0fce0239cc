"""The edits that the study asks the predictors for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.apps.studies.models.direction_effects import amount_of
from ppgan_ext.apps.studies.photos.options import PhotoStudyOptions
from ppgan_ext.config import load_options
from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.types import Image

if TYPE_CHECKING:
    from ppgan_ext.apps.photo.age import AgeEditingPredictor
    from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor
    from ppgan_ext.apps.predictor import Predictor
    from ppgan_ext.latents.directions import Direction

_AGE = "age"
_OF_THE_STUDY = ("self", "image", "years", "target_age", "faces", "direction_path")
_DEFAULT_BLEND = str(AgeOptions.model_fields["blend"].default)


@dataclass(frozen=True)
class Edit:
    """One result that is measured.

    Attributes:
        section: section of the study.
        request: such as "age+20".
        attribute: what changes.
        amount: in the direction's unit.
        blend: how the face is pasted.
    """

    section: str
    request: str
    attribute: str
    amount: float
    blend: str


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a predictor.

    Attributes:
        edits: one for each of its results.
        make: edits a photo, (H, W, 3) RGB uint8, and returns the results.
    """

    edits: tuple[Edit, ...]
    make: Callable[[Image], Sequence[Image]]


@dataclass(frozen=True, eq=False)
class SheetRow:
    """The calls whose results lie beside the photo in one row of a sheet."""

    sheet: str
    calls: tuple[Call, ...]


def check_settings(settings: Mapping[str, object]) -> None:
    """Check before the work starts that the predictor of ages takes all options of ``--set``.

    Raises:
        ConfigError: an unknown option, or one that the study itself decides.
    """
    from ppgan_ext.apps.photo.age import AgeEditingPredictor

    known = [name for name in inspect.signature(AgeEditingPredictor.run).parameters if name not in _OF_THE_STUDY]
    for name in settings:
        if name not in known:
            raise ConfigError(f"'{name}' cannot be passed on", where="set", cure=nearest(name, known))


class EditMaker:
    """Calls the public predictors with the study's options.

    Args:
        age: edits ages.
        edit: moves along any direction.
        options: of the study; its ``set`` goes to both predictors as far as they have such options.
    """

    def __init__(self, age: AgeEditingPredictor, edit: StyleGANv2EditingPredictor, options: PhotoStudyOptions) -> None:
        self._age, self._edit, self._options = age, edit, options
        self._settings: dict[str, Any] = {name: value for name, value in options.set.items() if name != "blend"}
        self._blend = str(options.set.get("blend", _DEFAULT_BLEND))

    @property
    def tuning_note(self) -> str:
        """What to know of a tuning that is not seen in the results; empty where there is nothing to say.

        Raises:
            ConfigError: options that cannot be used.
        """
        own = {name: value for name, value in self._settings.items() if name in ("tune", "save_tuned")}
        return load_options(AgeOptions, overrides={**own, "blend": self._blend}).tuning_note

    def age_rows(self) -> list[SheetRow]:
        """Return the row of all years asked for, one call."""
        return [SheetRow(_AGE, (self._age_call(_AGE, self._options.years, self._blend),))]

    def direction_rows(self, directions: Mapping[str, Direction]) -> list[SheetRow]:
        """Return for each direction a row with both sides."""
        names = self._options.directions or [name for name in directions if name != _AGE]
        rows = []
        for name in names:
            amount = amount_of(directions[name])
            sides = tuple(self._direction_call(name, sign * amount) for sign in (-1.0, 1.0))
            rows.append(SheetRow(f"direction_{name}", sides))
        return rows

    def blend_rows(self) -> list[SheetRow]:
        """Return for each of the years a row with all blends."""
        return [
            SheetRow(
                f"blend_age{years:+g}",
                tuple(self._age_call("blends", [years], blend) for blend in self._options.blends),
            )
            for years in self._options.years
        ]

    def _age_call(self, section: str, years: Sequence[float], blend: str) -> Call:
        edits = tuple(Edit(section, f"age{value:+g}", _AGE, value, blend) for value in years)
        return Call(edits, partial(self._change_age, years=list(years), blend=blend))

    def _direction_call(self, name: str, amount: float) -> Call:
        edit = Edit("directions", f"{name}{amount:+g}", name, amount, self._blend)
        return Call((edit,), partial(self._move, name=name, amount=amount))

    def _change_age(self, photo: Image, years: list[float], blend: str) -> Sequence[Image]:
        result: Any = self._age.run(
            photo,
            years=years,
            blend=blend,
            faces=self._options.faces,
            direction_path=self._options.direction_path,
            **self._settings,
        )
        _stop_if_interrupted(self._age)
        return list(result.dst)

    def _move(self, photo: Image, name: str, amount: float) -> Sequence[Image]:
        known = inspect.signature(self._edit.run_photo).parameters
        shared = {key: value for key, value in self._settings.items() if key in known}
        result: Any = self._edit.run_photo(
            photo, edit={name: amount}, blend=self._blend, faces=self._options.faces, **shared
        )
        _stop_if_interrupted(self._edit)
        return [result.dst]


def _stop_if_interrupted(predictor: Predictor) -> None:
    """Let Ctrl-C, which ends only a tuning, end the study."""
    if predictor.interrupted:
        raise KeyboardInterrupt
