"""Which sizes of images a convolutional network takes, so that a wrong one is refused before the first step."""

from __future__ import annotations

from dataclasses import dataclass

from ppgan_ext.errors import ConfigError


@dataclass(frozen=True)
class SizeRule:
    """The sides of the images that a network takes.

    Attributes:
        multiple: every side must be divisible by it.
        smallest: smallest side.
        exact: the only side that is possible, of a network with a layer over all pixels; None: any.
    """

    multiple: int = 1
    smallest: int = 1
    exact: int | None = None

    def fits(self, length: int) -> bool:
        """Return whether a side of this length is possible."""
        if self.exact is not None:
            return length == self.exact
        return length >= self.smallest and length % self.multiple == 0

    def next(self, length: int) -> int:
        """Return the smallest possible side that is not below ``length``, or the only one."""
        if self.exact is not None:
            return self.exact
        length = max(length, self.smallest)
        return -(-length // self.multiple) * self.multiple

    def check(self, height: int, width: int, name: str) -> None:
        """Check the size of a network's images.

        Args:
            height: rows.
            width: columns.
            name: of the network, for the message.

        Raises:
            ConfigError: a side is impossible; the message names the nearest two possible ones.
        """
        for length in (height, width):
            if self.fits(length):
                continue
            above = self.next(length)
            below = length // self.multiple * self.multiple
            nearest = [above] if self.exact is not None or below < self.smallest else [below, above]
            cure = f"The nearest possible sides: {' and '.join(map(str, nearest))}"
            raise ConfigError(f"{name} cannot take images of {width}x{height} pixels", where="image size", cure=cure)
