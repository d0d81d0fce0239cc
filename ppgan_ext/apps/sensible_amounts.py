"""What is told of an amount that lies outside its sensible range."""

from __future__ import annotations


def beyond_notes(name: str, amount: float, low: float, high: float, far: float) -> list[str]:
    """Say that an amount lies outside ``low`` to ``high``, and whether by more than ``far``; a line, or none."""
    excess = max(low - amount, amount - high)
    if excess <= 0.0:
        return []
    how = "far beyond" if excess > far else "beyond"
    return [f"{name}: {amount:g} is {how} {low:g} to {high:g}, the range of sensible amounts"]
