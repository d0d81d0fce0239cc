"""Draw a fused face: mixed codes, the target's own photo as texture, and its place in the source's photo."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.photo.portrait import Portrait, render_pixels
from ppgan_ext.types import Box, Crop, FloatArray, Image, Pose

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.faces.swap.composite import Fusion
    from ppgan_ext.latents.directions import Direction

Amounts: TypeAlias = tuple[float, float]
STRAIGHT: Amounts = (0.0, 0.0)
# Of what the generator can draw of the target, this share is taken from the photo all the same; the rest is the mouth's
# movement. On 24 pairs 20 degrees of yaw and more apart, 0.7, 0.85 and 1 gave 0.501, 0.495 and 0.491 as dlib's distance
# to the target.
_TEXTURE = np.float32(0.85)
# Of the shape that the target has beside the drawn face, and beside the photo's, this share is taken where all is asked
# for: on the same pairs 0.518 without, 0.506 for half of it, 0.516 for all.
_SHAPE = 0.5
# Width of the mask's soft edge, as a share of the face's size: narrower than the classic method's, as what is drawn has
# the photo's own light. Of 120 pairs the colour step at the border is 0.25 below the photo's own.
_FEATHER = 0.13


class Drawn(NamedTuple):
    """A fused face, upright and of the model's size.

    Attributes:
        picture: (S, S, 3) RGB float32, 0 to 255.
        landmarks: (68, 2), where it lies there; None where they are in doubt.
    """

    picture: FloatArray
    landmarks: FloatArray | None

    def image(self) -> Image:
        """Round it."""
        return images.from_levels(self.picture)


class _Place(NamedTuple):
    """Where a drawn face is put: a photo, the source's landmarks and head as they shall be there, the face's crop."""

    photo: Image
    outline: FloatArray
    ground: Image
    crop: Crop


@dataclass(frozen=True, eq=False)
class FusedDrawing:
    """How the fused face is drawn from the target's code, on its way to the source's pose.

    Attributes:
        engine: the model.
        source: the face that is replaced.
        target: the person who is put in.
        directions: of the model, for expression and proportions.
        options: shares and skin.
    """

    engine: Engine
    source: Portrait
    target: Portrait
    directions: Mapping[str, Direction]
    options: FuseOptions

    def mix(self, turned: FloatArray) -> FloatArray:
        """Fuse the source's code with the target's, turned."""
        from ppgan_ext.apps.fusion.code_fusion import FusionShares, fuse_codes
        from ppgan_ext.faces.swap.composite import SKIN_CHOICES

        shares = FusionShares(identity=self.options.identity, shape=self._shape, skin=SKIN_CHOICES[self.options.skin])
        return fuse_codes(self.source.w_plus, turned, shares, self.directions)

    def textured(self, fused: FloatArray, guess: bool = False) -> Drawn:
        """Draw a fused code, and the target's own photo into it, through triangles, as far as it shows the face.

        What the generator cannot draw of the target is added in full; of what it can, most is taken from the photo, but
        for light and tone.

        Args:
            fused: (n_latent, D).
            guess: of a face at the source's pose, take landmarks that are in doubt to lie as the source's do, with the
                target's shape. On the way to it nothing is drawn into a face whose landmarks are in doubt.
        """
        from ppgan_ext.faces.landmarks import sure_landmarks
        from ppgan_ext.faces.shape import lend_shape
        from ppgan_ext.faces.skin import find_skin, slow_part
        from ppgan_ext.faces.swap.overlay import draw_overlay

        pixels = render_pixels(self.engine, fused)
        picture = images.to_levels(pixels[0])
        landmarks = sure_landmarks(images.to_image(pixels), box_in_crop(self.source))
        if landmarks is None and guess:
            landmarks = lend_shape(crop_landmarks(self.source), self.target.face.landmarks, self._shape)
        if landmarks is None:
            return Drawn(picture, None)
        detail, rest = (
            draw_overlay(picture.shape, landmarks, part, crop_landmarks(self.target))
            for part in (self.target.crop.image - self._target_drawn, self._target_drawn)
        )
        under = detail.window(picture)
        texture = detail.face + _TEXTURE * (rest.face - under)
        skin = detail.shown * find_skin(detail.landmarks, rest.face).skin
        if skin.any():  # light and tone stay the picture's: they would end where the texture ends
            texture -= slow_part(texture, skin, detail.landmarks)[0]
        under += np.float32(self.options.identity) * detail.shown[..., None] * texture
        return Drawn(picture, landmarks)

    def pasted(self, drawn: Drawn, turn: Amounts = STRAIGHT) -> Image:
        """Draw the result as the source's crop will show it; ``turn`` as for `put_into`."""
        return self._put(self._place_in_crop, drawn, turn).image

    def put_into(self, photo: Image, drawn: Drawn, turn: Amounts = STRAIGHT) -> Fusion:
        """Put the drawn face into the photo, whose head gets some of the target's shape.

        Args:
            photo: the source's.
            drawn: the face.
            turn: degrees of yaw and pitch by which it is turned on in the classic way, by warping it.
        """
        return self._put(self._place(photo, self.source.face.landmarks, self.source.crop), drawn, turn)

    def _put(self, place: _Place, drawn: Drawn, turn: Amounts) -> Fusion:
        from ppgan_ext.faces.shape import lend_shape, turn_by
        from ppgan_ext.faces.swap.composite import composite
        from ppgan_ext.faces.swap.overlay import draw_overlay, place_crop
        from ppgan_ext.faces.warp import invert, transform_points

        if drawn.landmarks is None:
            overlay = place_crop(place.photo.shape, place.outline, place.crop, drawn.picture)
        else:
            there = transform_points(drawn.landmarks, invert(place.crop.matrix_photo_to_crop))
            wanted = turn_by(lend_shape(there, self.target.face.landmarks, self._lent), *turn)
            wanted[:17] = place.outline[:17]  # neither a gap beside the jaw nor what was drawn beside it
            overlay = draw_overlay(place.photo.shape, wanted, drawn.picture, drawn.landmarks)
        # How much of it is the target's lies in the code and the texture already.
        return composite(place.photo, place.ground, overlay, skin=self.options.skin, feather=_FEATHER)

    def _place(self, photo: Image, landmarks: FloatArray, crop: Crop) -> _Place:
        """Give the photo's head as much of the target's shape as is asked for."""
        from ppgan_ext.faces.shape import lend_shape
        from ppgan_ext.faces.swap.reshape import reshape_photo

        if not self._lent:
            return _Place(photo, landmarks, photo, crop)
        outline = lend_shape(landmarks, self.target.face.landmarks, self._lent)
        return _Place(photo, outline, reshape_photo(photo, landmarks, outline), crop)

    @property
    def _shape(self) -> float:
        return 1.0 if self.options.shape is None else self.options.shape

    @property
    def _lent(self) -> float:
        return _SHAPE * self._shape * self.options.identity

    @functools.cached_property
    def _target_drawn(self) -> FloatArray:
        return images.to_levels(render_pixels(self.engine, self.target.w_plus)[0])

    @functools.cached_property
    def _place_in_crop(self) -> _Place:
        own = Crop(self.source.crop.image, np.eye(2, 3), self.source.crop.template)
        return self._place(own.image, crop_landmarks(self.source), own)


def crop_landmarks(portrait: Portrait) -> FloatArray:
    """Give the landmarks of a face, (68, 2), in the pixels of its crop."""
    from ppgan_ext.faces.warp import transform_points

    return transform_points(portrait.face.landmarks, portrait.crop.matrix_photo_to_crop)


def crop_pose(portrait: Portrait) -> Pose:
    """Give the pose of a face as its crop shows it: roll taken out, landmarks at the crop's resolution."""
    from ppgan_ext.faces.pose import head_pose

    return head_pose(crop_landmarks(portrait), (portrait.crop.size, portrait.crop.size))


def box_in_crop(portrait: Portrait) -> Box:
    """Give the detector's rectangle in the crop: landmarks, and so the pose, depend a little on where it lies."""
    from ppgan_ext.faces.warp import scale_of, transform_points

    box, matrix = portrait.face.box, portrait.crop.matrix_photo_to_crop
    middle = np.array([(box.left + box.right - 1) / 2, (box.top + box.bottom - 1) / 2])
    x, y = (float(v) + 0.5 for v in transform_points(middle, matrix))
    width, height = box.width * scale_of(matrix) / 2, box.height * scale_of(matrix) / 2
    return Box(x - width, y - height, x + width, y + height)
