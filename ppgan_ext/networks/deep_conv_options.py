"""Options of PaddleGAN's generators for WGAN and the conditional GAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ppgan_ext.networks.image_sizes import SizeRule
from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.option_types import Count

if TYPE_CHECKING:
    from ppgan_ext.networks.deep_conv import ConditionalDeepConvGenerator, DeepConvGenerator


class DeepConvGeneratorOptions(NetworkOptions):
    """Options of `DeepConvGenerator`, which documents its arguments."""

    name: Literal["DeepConvGenerator"] = "DeepConvGenerator"
    latent_dim: Count
    output_nc: Count
    size: Annotated[Count, Field(multiple_of=4)] = 64
    ngf: Count = 64

    @property
    def size_rule(self) -> SizeRule:
        """Images of ``size`` pixels."""
        return SizeRule(exact=self.size)

    def build(self, **context: Any) -> DeepConvGenerator:
        """Create the generator."""
        from ppgan_ext.networks.deep_conv import DeepConvGenerator

        return DeepConvGenerator(**self.arguments(), **context)


class ConditionalDeepConvGeneratorOptions(NetworkOptions):
    """Options of `ConditionalDeepConvGenerator`, which documents its arguments."""

    name: Literal["ConditionalDeepConvGenerator"] = "ConditionalDeepConvGenerator"
    latent_dim: Count
    output_nc: Count
    n_class: Count = 10
    size: Annotated[Count, Field(multiple_of=4)] = 64
    ngf: Count = 64

    @property
    def size_rule(self) -> SizeRule:
        """Images of ``size`` pixels."""
        return SizeRule(exact=self.size)

    def build(self, **context: Any) -> ConditionalDeepConvGenerator:
        """Create the generator."""
        from ppgan_ext.networks.deep_conv import ConditionalDeepConvGenerator

        return ConditionalDeepConvGenerator(**self.arguments(), **context)
