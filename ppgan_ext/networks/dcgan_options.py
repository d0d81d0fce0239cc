"""Options of DCGAN's networks, under PaddleGAN's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ppgan_ext.networks.image_sizes import SizeRule
from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.option_types import Count

if TYPE_CHECKING:
    from ppgan_ext.networks.dcgan import DCDiscriminator, DCGenerator


class DCGeneratorOptions(NetworkOptions):
    """Options of `DCGenerator`, which documents its arguments."""

    name: Literal["DCGenerator"] = "DCGenerator"
    input_nz: Count
    input_nc: Count
    output_nc: Count
    ngf: Count = 64
    norm_type: Literal["batch", "instance", "none"] = "batch"
    padding_type: str = "reflect"
    test_mode: Literal["train", "eval"] = "train"

    @property
    def size_rule(self) -> SizeRule:
        """Images of 64 pixels."""
        return SizeRule(exact=64)

    def build(self, **context: Any) -> DCGenerator:
        """Create the generator."""
        from ppgan_ext.networks.dcgan import DCGenerator

        return DCGenerator(**self.arguments(), **context)


class DCDiscriminatorOptions(NetworkOptions):
    """Options of `DCDiscriminator`, which documents its arguments."""

    name: Literal["DCDiscriminator"] = "DCDiscriminator"
    input_nc: Count
    ndf: Count = 64
    norm_type: Literal["batch", "instance", "none"] = "instance"
    test_mode: Literal["train", "eval"] = "train"

    @property
    def size_rule(self) -> SizeRule:
        """Images of 64 pixels."""
        return SizeRule(exact=64)

    def build(self, **context: Any) -> DCDiscriminator:
        """Create the discriminator."""
        from ppgan_ext.networks.dcgan import DCDiscriminator

        return DCDiscriminator(**self.arguments(), **context)
