"""The Face ID loss of Photo2Cartoon: a translation should show the person of the photo (minivision's photo2cartoon)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ppgan_ext.losses.network_names import DLIB, IdentityName
from ppgan_ext.option_types import Block, NotNegative

if TYPE_CHECKING:
    import paddle

# minivision's crop: shares of the height, from the top and from the bottom.
_SCALE, _TOP, _BOTTOM = 2.1, 0.8 - 0.33, 0.3


class FaceIdOptions(Block):
    """The block `model.face_id`.

    Attributes:
        network: the network that describes faces. Do not use it as a metric too: the score would be biased.
        weight_path: file of that network; None: the default file.
        crop: how the images are aligned: "head", Photo2Cartoon's crop with hair and neck, of which the square with the
            face is cut out; "tight" or "ffhq", the package's own crops.
        weight: factor of the loss.
    """

    network: IdentityName = DLIB
    weight_path: str | None = None
    crop: Literal["head", "tight", "ffhq"] = "head"
    weight: NotNegative = 1.0


class FaceIdLoss:
    """The distance between the descriptors of photos and of their translations.

    Args:
        options: network, crop and weight.

    Raises:
        WeightsError: the network's file cannot be found, downloaded or read.
    """

    def __init__(self, options: FaceIdOptions) -> None:
        from ppgan_ext.losses.identity import identity_network

        self._options = options
        template = None if options.crop == "head" else options.crop
        self._distance: Any = identity_network(options.network, options.weight_path, template=template)

    def of(self, photos: paddle.Tensor, translations: paddle.Tensor) -> paddle.Tensor:
        """Return the weighted mean distance of images (N, 3, H, W) in [-1, 1] and their translations, ()."""
        ours, target = (self._cut(pixels) for pixels in (translations, photos))
        return self._options.weight * self._distance.distance(ours, self._distance.prepare(target)).mean()

    def _cut(self, pixels: paddle.Tensor) -> paddle.Tensor:
        if self._options.crop != "head":
            return pixels
        height, width = pixels.shape[2:]
        top, bottom = int(height / _SCALE * _TOP), int(height - height / _SCALE * _BOTTOM)
        side = bottom - top
        left = max((width - side) // 2, 0)
        return pixels[:, :, top:bottom, left : left + side]
