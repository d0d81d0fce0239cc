"""The age that a face appears to have, told from its code; and directions without a unit, scaled in years by it.

The regressions belong to the codes of one model. For the codes of any other, their pictures are drawn and encoded with
the bundled model, whose regressions then answer. So PaddleGAN's directions, whose steps mean nothing, get years.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ppgan_ext import runtime, seeding
from ppgan_ext.apps.codes.encoded_face import choose_faces, encode_face, render_image, render_pixels
from ppgan_ext.errors import ConfigError, NoFaceError
from ppgan_ext.faces.ageing.measured import measured_years
from ppgan_ext.latents.directions import Direction, load_directions
from ppgan_ext.types import FloatArray
from ppgan_ext.weights import catalog

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine

_AGES = (1.0, 100.0)
# What a regression tells of portraits, which it was not fitted to, is too far from the middle: of 122 whose ages were
# asked for, that of faces-128 is 10.3 years off on average, and this factor and offset of it 7.4 (90%: 20 and 15). They
# were fitted to 76 of them.
_PORTRAITS = (0.77, 8.0)
# Estimates of "gender" between these are a mixture of what men and women look like when old.
_GENDER = (0.15, 0.65)

# Directions are scaled on this many faces, drawn with this truncation: few, but the same face is compared with itself.
_NUM_FACES = 4
_PSI = 0.8
_ENOUGH_YEARS = 8.0  # a change well above what the estimates of one face scatter by
_LARGEST_STEP = 32.0
_CURE = "Use 'ppgan-ext edit --edit age=3', where 5 is strong, or fit one with tools/find_directions.py"

# Codes (n_latent, 512) of one model -> the codes that another model's encoder gives to their pictures.
Translate = Callable[[FloatArray], FloatArray]


def measured_age(directions: Mapping[str, Direction], w_plus: FloatArray) -> float | None:
    """Measure the age of a code, (n_latent, 512), in years; None if no direction measures it in years."""
    age = directions.get("age")
    if age is None or age.regressor is None or age.unit != "year":
        return None
    return float(np.clip(age.measure(w_plus), *_AGES))


def femininity(directions: Mapping[str, Direction], w_plus: FloatArray) -> float:
    """Estimate how much a code's face looks like a woman's, 0 to 1; 0.5 where the model cannot tell."""
    gender = directions.get("gender")
    if gender is None or gender.regressor is None:
        return 0.5
    low, high = _GENDER
    return float(np.clip((gender.measure(w_plus) - low) / (high - low), 0.0, 1.0))


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates age and sex from the codes of a model.

    Attributes:
        directions: with the regressions, by name.
        translate: from the model's codes to those that the regressions know; None if they are the same.
    """

    directions: Mapping[str, Direction]
    translate: Translate | None = None

    def age(self, w_plus: FloatArray) -> float | None:
        """Estimate the age that a portrait's code, (n_latent, 512), shows, in years; None if it cannot be told."""
        measured = self.measured_age(w_plus)
        return None if measured is None else _PORTRAITS[0] * measured + _PORTRAITS[1]

    @staticmethod
    def as_measured(age: float) -> float:
        """Return what the regression has to measure for a portrait to be estimated at an age, years."""
        return (age - _PORTRAITS[1]) / _PORTRAITS[0]

    def measured_age(self, w_plus: FloatArray) -> float | None:
        """Measure the age of a code, (n_latent, 512), as the regression has it; None if it cannot be told."""
        code = self._known(w_plus)
        return None if code is None else measured_age(self.directions, code)

    def femininity(self, w_plus: FloatArray) -> float:
        """Estimate how much a code's face looks like a woman's, 0 to 1; 0.5 if it cannot be told."""
        code = self._known(w_plus)
        return 0.5 if code is None else femininity(self.directions, code)

    def looks_after(self, w_plus: FloatArray, years: float) -> float | None:
        """Return the age that a face will look after ageing, by what was measured; None if that is unknown."""
        age = self.age(w_plus)
        return None if age is None else max(age + measured_years(age, years), 1.0)

    def _known(self, w_plus: FloatArray) -> FloatArray | None:
        if self.translate is None:
            return w_plus
        try:
            return self.translate(w_plus)
        except NoFaceError:
            return None


@dataclass(eq=False)
class BundledEyes:
    """Sees the pictures of another model as the bundled model does.

    Attributes:
        engine: the other model.
        seen: the codes that were translated, by the bytes of the original.
    """

    engine: Engine
    seen: dict[bytes, FloatArray] = field(default_factory=dict)

    @cached_property
    def bundled(self) -> Engine:
        """The bundled model."""
        from ppgan_ext.engine import open_model
        from ppgan_ext.weights.load import load_face_model

        device = runtime.choose_device(self.engine.synthesizer.device == "cpu")
        return open_model(load_face_model(catalog.DEFAULT_MODEL), device=device)

    @cached_property
    def directions(self) -> dict[str, Direction]:
        """The bundled model's directions, with their regressions."""
        return load_directions(str(self.bundled.face_model.directions_file), self.bundled.synthesizer.n_latent)

    def translate(self, w_plus: FloatArray) -> FloatArray:
        """Draw a code, (n_latent, 512), with the other model and encode the picture with the bundled one.

        Raises:
            NoFaceError: the picture shows no face that can be found.
        """
        key = np.ascontiguousarray(w_plus, np.float32).tobytes()
        if key not in self.seen:
            picture = render_image(self.engine, w_plus)
            (face,) = choose_faces(picture, "largest")
            self.seen[key] = encode_face(self.bundled, picture, face).w_plus
        return self.seen[key]

    def estimates(self) -> Estimates:
        """Estimates for the codes of the other model."""
        return Estimates(self.directions, self.translate)


def in_years(direction: Direction, engine: Engine, estimates: Estimates) -> Direction:
    """Scale a direction of unknown unit, so that a step is a year by the change that its pictures show.

    Args:
        direction: an age direction whose unit is "step".
        engine: the model that it belongs to.
        estimates: of ages, for this model's codes.

    Returns:
        The direction with its vector scaled and the unit "year"; it has no regressor.

    Raises:
        ConfigError: the model's pictures show no face, or no other ages, however far the direction is followed.
    """
    codes = _typical_codes(engine)
    step = 1.0
    while step <= _LARGEST_STEP:
        changes = [_years_between(direction, code, step, estimates) for code in codes]
        seen = [change for change in changes if change is not None]
        if not seen:
            raise ConfigError("the model draws no face whose age can be told", where=engine.face_model.name, cure=_CURE)
        years = float(np.median(seen))
        if abs(years) >= _ENOUGH_YEARS and all(change * years > 0.0 for change in seen):
            per_step = np.float32(years / (2.0 * step))
            return replace(direction, vector=direction.vector / per_step, unit="year", regressor=None)
        step *= 2.0
    what = (
        f"faces do not get older along this age direction: {_LARGEST_STEP:g} steps both ways change {years:+.0f} years"
    )
    raise ConfigError(what, where=engine.face_model.name, cure=_CURE)


def _typical_codes(engine: Engine) -> list[FloatArray]:
    """Return codes as photos have them: what the encoder says of faces that the model draws.

    Codes from the mapping network would not do: near them, ages change several times as fast.
    """
    synthesizer = engine.synthesizer
    z = seeding.generator(0).standard_normal((_NUM_FACES, synthesizer.style_dim)).astype(np.float32)
    w = synthesizer.w_avg + np.float32(_PSI) * (synthesizer.map(z) - synthesizer.w_avg)
    codes = [np.repeat(row[None], synthesizer.n_latent, axis=0) for row in w]
    return [engine.encode(render_pixels(engine, code))[0] for code in codes]


def _years_between(direction: Direction, code: FloatArray, step: float, estimates: Estimates) -> float | None:
    """Return how much older a face looks so many steps ahead than as many behind; None where no face is seen."""
    older, younger = (estimates.measured_age(code + np.float32(sign * step) * direction.vector) for sign in (1.0, -1.0))
    return None if older is None or younger is None else older - younger
