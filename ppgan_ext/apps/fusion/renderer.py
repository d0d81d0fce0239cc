"""Render a fused face: mix the codes, draw the target's own photo into the picture, and put it on the source's photo.

Landmarks, skin and warping are `ppgan_ext.faces`; the codes are mixed by `code_mixing`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.codes.encoded_face import EncodedFace, render_pixels
from ppgan_ext.apps.fusion.crop_geometry import crop_box, crop_landmarks
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.types import Crop, FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.faces.swap.composite import Fusion
    from ppgan_ext.latents.directions import Direction

TurnDegrees: TypeAlias = tuple[float, float]  # yaw, pitch
NO_TURN: TurnDegrees = (0.0, 0.0)
# Share of the photo's texture that replaces what the generator can draw of the target; the rest keeps the generator's
# mouth movement. On 24 pairs at least 20 degrees of yaw apart, dlib's distance to the target was 0.501, 0.495 and 0.491
# with 0.7, 0.85 and 1.
_TEXTURE = np.float32(0.85)
# Share of the target's shape that is lent to the drawn face and to the photo's head when all of it is asked for. On the
# same pairs, the distance was 0.518 with none, 0.506 with half, 0.516 with all.
_SHAPE = 0.5
# Width of the mask's soft edge, as a share of the face's size. It is narrower than the warp method's, as the drawn face
# has the photo's own light. Over 120 pairs, the colour step at the border is 0.25 below the photo's own.
_FEATHER = 0.13


class RenderedFace(NamedTuple):
    """A fused face, upright and of the model's size.

    Attributes:
        picture: (S, S, 3) RGB float32, 0 to 255.
        landmarks: (68, 2) in the picture; None where they are uncertain.
    """

    picture: FloatArray
    landmarks: FloatArray | None

    def image(self) -> Image:
        """Round the picture to an image."""
        return images.from_levels(self.picture)


class _Placement(NamedTuple):
    """Where a rendered face is pasted.

    Attributes:
        photo: (H, W, 3) RGB uint8.
        outline: (68, 2), the source's landmarks with the target's share of shape.
        base: the photo with its head reshaped to the outline.
        crop: the face's crop in the photo.
    """

    photo: Image
    outline: FloatArray
    base: Image
    crop: Crop


@dataclass(frozen=True, eq=False)
class FusionRenderer:
    """Renders the fused face of one pair from the target's code, which is being turned to the source's pose.

    Attributes:
        engine: the model.
        source: the face that is replaced.
        target: the person who is put in.
        directions: the model's directions, for expression and proportions.
        options: shares and skin.
    """

    engine: Engine
    source: EncodedFace
    target: EncodedFace
    directions: Mapping[str, Direction]
    options: FuseOptions

    def mix(self, turned: FloatArray) -> FloatArray:
        """Fuse the source's code with the target's turned code, (n_latent, D)."""
        from ppgan_ext.apps.fusion.code_mixing import FusionShares, fuse_codes
        from ppgan_ext.faces.swap.composite import SKIN_CHOICES

        shares = FusionShares(
            identity=self.options.identity, shape=self._shape, skin=SKIN_CHOICES[self.options.swap_skin]
        )
        return fuse_codes(self.source.w_plus, turned, shares, self.directions)

    def render(self, fused: FloatArray, guess_landmarks: bool = False) -> RenderedFace:
        """Render a fused code, and warp the target's own photo into it as far as the photo shows the face.

        The part of the photo that the generator cannot draw of the target is added in full; most of the rest is taken
        from the photo too. Light and skin tone stay the generator's.

        Args:
            fused: (n_latent, D).
            guess_landmarks: where the rendering's landmarks are uncertain, use the source's with the target's shape,
                which fits once the face has the source's pose. Otherwise nothing is warped into such a rendering.
        """
        from ppgan_ext.faces.landmarks import sure_landmarks
        from ppgan_ext.faces.shape import lend_shape
        from ppgan_ext.faces.skin import find_skin, slow_part
        from ppgan_ext.faces.swap.overlay import draw_overlay

        pixels = render_pixels(self.engine, fused)
        picture = images.to_levels(pixels[0])
        landmarks = sure_landmarks(images.to_image(pixels), crop_box(self.source))
        if landmarks is None and guess_landmarks:
            landmarks = lend_shape(crop_landmarks(self.source), self.target.face.landmarks, self._shape)
        if landmarks is None:
            return RenderedFace(picture, None)
        detail, rest = (
            draw_overlay(picture.shape, landmarks, part, crop_landmarks(self.target))
            for part in (self.target.crop.image - self._target_rendered, self._target_rendered)
        )
        under = detail.window(picture)
        texture = detail.face + _TEXTURE * (rest.face - under)
        skin = detail.shown * find_skin(detail.landmarks, rest.face).skin
        if skin.any():  # light and tone must not change where the texture ends
            texture -= slow_part(texture, skin, detail.landmarks)[0]
        under += np.float32(self.options.identity) * detail.shown[..., None] * texture
        return RenderedFace(picture, landmarks)

    def paste_into_crop(self, face: RenderedFace, turn: TurnDegrees = NO_TURN) -> Image:
        """Return the result as the source's crop will show it; ``turn`` as for `paste_into_photo`."""
        return self._paste(self._placement_in_crop, face, turn).image

    def paste_into_photo(self, photo: Image, face: RenderedFace, turn: TurnDegrees = NO_TURN) -> Fusion:
        """Put a rendered face into the photo, whose head gets some of the target's shape.

        Args:
            photo: the source's, (H, W, 3) RGB uint8.
            face: the rendered face.
            turn: degrees of yaw and pitch by which the picture is warped further, landmark by landmark.
        """
        return self._paste(self._placement(photo, self.source.face.landmarks, self.source.crop), face, turn)

    def _paste(self, place: _Placement, face: RenderedFace, turn: TurnDegrees) -> Fusion:
        from ppgan_ext.faces.shape import lend_shape, turn_by
        from ppgan_ext.faces.swap.composite import composite
        from ppgan_ext.faces.swap.overlay import draw_overlay, place_crop
        from ppgan_ext.faces.warp import invert, transform_points

        if face.landmarks is None:
            overlay = place_crop(place.photo.shape, place.outline, place.crop, face.picture)
        else:
            in_photo = transform_points(face.landmarks, invert(place.crop.matrix_photo_to_crop))
            landmarks = turn_by(lend_shape(in_photo, self.target.face.landmarks, self._lent_shape), *turn)
            landmarks[:17] = place.outline[:17]  # leaves no gap beside the jaw, and shows nothing drawn beside it
            overlay = draw_overlay(place.photo.shape, landmarks, face.picture, face.landmarks)
        # Code and texture already contain the share of identity.
        return composite(place.photo, place.base, overlay, skin=self.options.swap_skin, feather=_FEATHER)

    def _placement(self, photo: Image, landmarks: FloatArray, crop: Crop) -> _Placement:
        """Reshape the photo's head by the share of the target's shape that is asked for."""
        from ppgan_ext.faces.shape import lend_shape
        from ppgan_ext.faces.swap.reshape import reshape_photo

        if not self._lent_shape:
            return _Placement(photo, landmarks, photo, crop)
        outline = lend_shape(landmarks, self.target.face.landmarks, self._lent_shape)
        return _Placement(photo, outline, reshape_photo(photo, landmarks, outline), crop)

    @property
    def _shape(self) -> float:
        return 1.0 if self.options.shape is None else self.options.shape

    @property
    def _lent_shape(self) -> float:
        return _SHAPE * self._shape * self.options.identity

    @functools.cached_property
    def _target_rendered(self) -> FloatArray:
        return images.to_levels(render_pixels(self.engine, self.target.w_plus)[0])

    @functools.cached_property
    def _placement_in_crop(self) -> _Placement:
        crop = Crop(self.source.crop.image, np.eye(2, 3), self.source.crop.template)
        return self._placement(crop.image, crop_landmarks(self.source), crop)
