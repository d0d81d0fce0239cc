"""The base of every block of a training configuration, and the number types its fields share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _no_bool(value: Any) -> Any:
    """Refuse true and false where a number is meant: to Python they are 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value


Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]
CountOrZero = Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
Positive = Annotated[float, BeforeValidator(_no_bool), Field(gt=0)]
NotNegative = Annotated[float, BeforeValidator(_no_bool), Field(ge=0)]
Fraction = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, lt=1)]
Number = Annotated[float, BeforeValidator(_no_bool)]


class Block(BaseModel):
    """A block of the configuration: frozen, unknown keys refused, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)
