"""Options of U-GAT-IT's networks and of Photo2Cartoon's generator, under PaddleGAN's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ppgan_ext.networks.image_sizes import SizeRule
from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.option_types import Count, CountOrZero

if TYPE_CHECKING:
    from ppgan_ext.networks.photo2cartoon import ResnetUGATITP2CGenerator
    from ppgan_ext.networks.ugatit import ResnetUGATITGenerator, UGATITDiscriminator


class ResnetUGATITGeneratorOptions(NetworkOptions):
    """Options of `ResnetUGATITGenerator`, which documents its arguments."""

    name: Literal["ResnetUGATITGenerator"] = "ResnetUGATITGenerator"
    input_nc: Count
    output_nc: Count
    ngf: Count = 64
    n_blocks: CountOrZero = 6
    img_size: Annotated[Count, Field(multiple_of=4)] = 256
    light: bool = False
    norm_type: Literal["batch", "instance", "none"] = "instance"

    @property
    def size_rule(self) -> SizeRule:
        """Multiples of 4; a full generator only takes ``img_size``."""
        return SizeRule(4, 8) if self.light else SizeRule(exact=self.img_size)

    def build(self, **context: Any) -> ResnetUGATITGenerator:
        """Create the generator."""
        from ppgan_ext.networks.ugatit import ResnetUGATITGenerator

        return ResnetUGATITGenerator(**self.arguments(), **context)


class ResnetUGATITP2CGeneratorOptions(NetworkOptions):
    """Options of `ResnetUGATITP2CGenerator`, which documents its arguments."""

    name: Literal["ResnetUGATITP2CGenerator"] = "ResnetUGATITP2CGenerator"
    input_nc: Count = 3
    output_nc: Count = 3
    ngf: Annotated[Count, Field(multiple_of=4)] = 32
    img_size: Annotated[Count, Field(multiple_of=16)] = 256
    n_blocks: CountOrZero = 4
    light: bool = True
    linear_bias: bool = False

    @property
    def size_rule(self) -> SizeRule:
        """Multiples of 16 whose sixteenth can still be reflected; only ``img_size`` unless light."""
        return SizeRule(16, 32) if self.light else SizeRule(exact=self.img_size)

    def build(self, **context: Any) -> ResnetUGATITP2CGenerator:
        """Create the generator."""
        from ppgan_ext.networks.photo2cartoon import ResnetUGATITP2CGenerator

        return ResnetUGATITP2CGenerator(**self.arguments(), **context)


class UGATITDiscriminatorOptions(NetworkOptions):
    """Options of `UGATITDiscriminator`, which documents its arguments."""

    name: Literal["UGATITDiscriminator"] = "UGATITDiscriminator"
    input_nc: Count
    ndf: Count = 64
    n_layers: Annotated[Count, Field(ge=3, le=10)] = 5  # every layer doubles the width

    @property
    def size_rule(self) -> SizeRule:
        """Images whose features can still be padded after the layers that halve the sides."""
        return SizeRule(smallest=3 * 2 ** (self.n_layers - 2))

    def build(self, **context: Any) -> UGATITDiscriminator:
        """Create the discriminator."""
        from ppgan_ext.networks.ugatit import UGATITDiscriminator

        return UGATITDiscriminator(**self.arguments(), **context)
