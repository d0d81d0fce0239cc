"""Options of the encoders. Image size and code length are the generator's, so they are arguments of `build`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.option_types import Count, CountOrZero

if TYPE_CHECKING:
    from ppgan_ext.networks.light_encoder import LightEncoder
    from ppgan_ext.networks.psp import (
        BackboneEncoderUsingLastLayerIntoW,
        BackboneEncoderUsingLastLayerIntoWPlus,
        PSPEncoder,
    )

Code: TypeAlias = Literal["psp", "e4e"]


class LightEncoderOptions(NetworkOptions):
    """Arguments of `LightEncoder`, or with ``code: e4e`` of `LightEncoder4Editing`.

    Attributes:
        channel_base: channels are ``min(channel_base // resolution, channel_cap)``.
        channel_cap: see `channel_base`.
        coarse: number of styles read from the 4x4 map.
        middle: number of styles read from the 8x8 map.
        code: "psp": each head predicts the offset of its row from the mean code (arXiv 2008.00951); "e4e": the first
            head predicts a w, the others predict the offsets of their rows from it (arXiv 2102.02766).
    """

    name: Literal["LightEncoder"] = "LightEncoder"
    channel_base: Count = 8192
    channel_cap: Count = 256
    coarse: Count = 3
    middle: CountOrZero = 4
    code: Code = "psp"

    def build(self, size: int, style_dim: int = 512, **context: Any) -> LightEncoder:
        """Create the encoder for a generator of ``size`` pixels whose w has ``style_dim`` numbers."""
        from ppgan_ext.networks.e4e import LightEncoder4Editing
        from ppgan_ext.networks.light_encoder import LightEncoder

        network = LightEncoder4Editing if self.code == "e4e" else LightEncoder
        widths = (self.channel_base, self.channel_cap)
        return network(size, *widths, style_dim, self.coarse, self.middle, **context)


class PSPEncoderOptions(NetworkOptions):
    """Options of `PSPEncoder`, an IR-SE-50 on images of 256 px, or with ``code: e4e`` of `Encoder4Editing`.

    Attributes:
        code: see `LightEncoderOptions`.
    """

    name: Literal["PSPEncoder", "GradualStyleEncoder"] = "PSPEncoder"
    code: Code = "psp"

    def build(self, size: int, style_dim: int = 512, **context: Any) -> PSPEncoder:
        """Create the encoder for a generator of ``size`` pixels whose w has ``style_dim`` numbers."""
        from ppgan_ext.networks.e4e import Encoder4Editing
        from ppgan_ext.networks.psp import PSPEncoder

        network = Encoder4Editing if self.code == "e4e" else PSPEncoder
        return network(size, style_dim=style_dim, **context)


class SingleStyleEncoderOptions(NetworkOptions):
    """Options of `BackboneEncoderUsingLastLayerIntoW`, which predicts one w for all rows."""

    name: Literal["BackboneEncoderUsingLastLayerIntoW"] = "BackboneEncoderUsingLastLayerIntoW"

    def build(self, size: int, style_dim: int = 512, **context: Any) -> BackboneEncoderUsingLastLayerIntoW:
        """Create the encoder for a generator of ``size`` pixels whose w has ``style_dim`` numbers."""
        from ppgan_ext.networks.psp import BackboneEncoderUsingLastLayerIntoW

        return BackboneEncoderUsingLastLayerIntoW(size, style_dim=style_dim, **context)


class LastLayerEncoderOptions(NetworkOptions):
    """Options of `BackboneEncoderUsingLastLayerIntoWPlus`, which predicts all rows from the last feature map."""

    name: Literal["BackboneEncoderUsingLastLayerIntoWPlus"] = "BackboneEncoderUsingLastLayerIntoWPlus"

    def build(self, size: int, style_dim: int = 512, **context: Any) -> BackboneEncoderUsingLastLayerIntoWPlus:
        """Create the encoder for a generator of ``size`` pixels whose w has ``style_dim`` numbers."""
        from ppgan_ext.networks.psp import BackboneEncoderUsingLastLayerIntoWPlus

        return BackboneEncoderUsingLastLayerIntoWPlus(size, style_dim=style_dim, **context)
