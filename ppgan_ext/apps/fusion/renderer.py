"""Render a fused face: mix the codes, draw the picture, and find the face in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ppgan_ext import images
from ppgan_ext.apps.codes.encoded_face import EncodedFace, render_pixels
from ppgan_ext.apps.fusion.crop_geometry import crop_box, crop_landmarks
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.directions import Direction


class RenderedFace(NamedTuple):
    """A fused face, upright and of the model's size.

    Attributes:
        picture: (S, S, 3) RGB float32, 0 to 255.
        landmarks: (68, 2) in the picture.
    """

    picture: FloatArray
    landmarks: FloatArray

    def image(self) -> Image:
        """Round the picture to an image."""
        return images.from_levels(self.picture)


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
            identity=self.options.identity, shape=self.options.whole_shape, skin=SKIN_CHOICES[self.options.swap_skin]
        )
        return fuse_codes(self.source.w_plus, turned, shares, self.directions)

    def picture(self, fused: FloatArray) -> FloatArray:
        """Render a fused code (n_latent, D) as levels, (S, S, 3) float32."""
        return images.to_levels(render_pixels(self.engine, fused)[0])

    def render(self, fused: FloatArray) -> RenderedFace:
        """Render a fused code (n_latent, D), and find the face.

        Where the rendering's landmarks are uncertain, those of the fused face in the source's crop serve: it has the
        source's pose.
        """
        from ppgan_ext.faces.landmarks import sure_landmarks
        from ppgan_ext.faces.swap.fused_shape import fuse_landmarks

        picture = self.picture(fused)
        landmarks = sure_landmarks(images.from_levels(picture), crop_box(self.source))
        if landmarks is None:
            shape = self.options.whole_shape * self.options.identity
            landmarks = fuse_landmarks(crop_landmarks(self.source), self.target.face.landmarks, shape, shape)
        return RenderedFace(picture, landmarks)
