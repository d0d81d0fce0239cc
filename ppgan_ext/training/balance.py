"""A note where a discriminator has won: generators then learn little, and images stay grey or fall apart."""

from __future__ import annotations

from collections.abc import Mapping

_CERTAIN, _PATIENCE = 0.99, 500


class Balance:
    """Counts for how many iterations each discriminator has hardly been wrong."""

    def __init__(self) -> None:
        self._certain: dict[str, int] = {}

    def note(self, numbers: Mapping[str, float]) -> str | None:
        """Count an iteration.

        Args:
            numbers: of the log; those whose names end with "accuracy" are shares of scores on the right side.

        Returns:
            A note in the 500th iteration in succession in which one of them was above 0.99, else None.
        """
        won = []
        for name in (name for name in numbers if name.endswith("accuracy")):
            self._certain[name] = self._certain.get(name, 0) + 1 if numbers[name] > _CERTAIN else 0
            if self._certain[name] == _PATIENCE:
                won.append(name)
        if not won:
            return None
        return (
            f"{', '.join(won)} above {_CERTAIN} for {_PATIENCE} iterations: a discriminator that is never wrong "
            "teaches little. R1 (model.r1_reg_weight; not in U-GAT-IT), a lower rate of its optimiser or a smaller ndf "
            "may help"
        )
