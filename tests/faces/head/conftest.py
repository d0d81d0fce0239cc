"""The head of an astronaut, for all tests of this folder."""

from tests.reference.astronaut_head import landmarks, photo

__all__ = ["landmarks", "photo"]
