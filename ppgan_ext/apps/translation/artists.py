"""Who draws the cartoon of a face: the rules of `faces.drawing`, or a network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ppgan_ext.apps.translation.face_square import FaceSquare, cut_face, on_white
from ppgan_ext.apps.translation.whole_picture import to_input, to_result
from ppgan_ext.faces.drawing.drawing import draw_head
from ppgan_ext.faces.drawing.head import cut_head
from ppgan_ext.faces.head.head_matte import head_parts
from ppgan_ext.types import Face, Image

if TYPE_CHECKING:
    from ppgan_ext.engine.translator import TranslatorEngine
    from ppgan_ext.weights.translators import Translator

_DRAWING_SIZE, _NETWORK_SIZE = 512, 256


class Cartoon(NamedTuple):
    """A cartoon of a face.

    Attributes:
        square: the face as it was cut out; its matte says what is pasted.
        image: (S, S, 3) RGB uint8, as it is shown.
        pasted: (S, S, 3) RGB uint8, as it is pasted into the photo.
    """

    square: FaceSquare
    image: Image
    pasted: Image


class Artist(Protocol):
    """Draws faces."""

    def draw(self, photo: Image, face: Face, size: int | None, white: bool) -> Cartoon:
        """Draw a face of a photo, (H, W, 3) RGB uint8.

        Args:
            photo: the photo.
            face: one face of it.
            size: side of the cartoon in pixels; None: what the artist draws best.
            white: put white behind the head.
        """


class RuleArtist:
    """Draws by rules, in any size."""

    def draw(self, photo: Image, face: Face, size: int | None, white: bool) -> Cartoon:
        """Draw a face, see `Artist`."""
        parts = head_parts(photo, face.landmarks)
        square = cut_face(photo, face, "cartoon", size or _DRAWING_SIZE, white, parts.person)
        drawing = draw_head(cut_head(photo, face.landmarks, parts, square.matrix, size or _DRAWING_SIZE))
        shown = drawing.on(None if white else square.image)
        return Cartoon(replace(square, matte=drawing.share), shown, drawing.image)


class NetworkArtist:
    """Lets a network draw.

    Args:
        translator: the network, and what its file says of its use.
        engine: the same, made fast.
    """

    def __init__(self, translator: Translator, engine: TranslatorEngine) -> None:
        self.translator = translator
        self.engine = engine

    def draw(self, photo: Image, face: Face, size: int | None, white: bool) -> Cartoon:
        """Draw a face, see `Artist`; the size is rounded up to one that the network takes."""
        side = self.translator.options.size_rule.next(size or self.translator.training_size or _NETWORK_SIZE)
        square = cut_face(photo, face, "cartoon", side, white)
        drawn = to_result(self.engine.translate(to_input(square.seen, self.translator.input_channels)).pixels)
        shown = on_white(drawn, square.matte) if white else drawn
        return Cartoon(square, shown, shown)
