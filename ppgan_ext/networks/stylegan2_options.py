"""Options of StyleGAN2's generator and discriminator, under PaddleGAN's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.option_types import Count, Number, Positive

if TYPE_CHECKING:
    from ppgan_ext.networks.stylegan2 import StyleGANv2Generator
    from ppgan_ext.networks.stylegan2_discriminator import StyleGANv2Discriminator


class StyleGANv2GeneratorOptions(NetworkOptions):
    """Options of `StyleGANv2Generator`, which documents its arguments."""

    name: Literal["StyleGANv2Generator"] = "StyleGANv2Generator"
    size: Count
    style_dim: Count = 512
    n_mlp: Count = 8
    channel_multiplier: Positive = 2
    blur_kernel: Annotated[tuple[Number, ...], Field(min_length=2)] = (1, 3, 3, 1)
    lr_mlp: Positive = 0.01
    channel_base: Count | None = None
    channel_cap: Count = 512

    def build(self, **context: Any) -> StyleGANv2Generator:
        """Create the generator; ``is_concat`` is the only argument in the context."""
        from ppgan_ext.networks.stylegan2 import StyleGANv2Generator

        return StyleGANv2Generator(**self.arguments(), **context)


class StyleGANv2DiscriminatorOptions(NetworkOptions):
    """Options of `StyleGANv2Discriminator`, which documents its arguments."""

    name: Literal["StyleGANv2Discriminator"] = "StyleGANv2Discriminator"
    size: Count
    channel_multiplier: Positive = 2
    blur_kernel: Annotated[tuple[Number, ...], Field(min_length=2)] = (1, 3, 3, 1)
    channel_base: Count | None = None
    channel_cap: Count = 512

    def build(self, **context: Any) -> StyleGANv2Discriminator:
        """Create the discriminator."""
        from ppgan_ext.networks.stylegan2_discriminator import StyleGANv2Discriminator

        return StyleGANv2Discriminator(**self.arguments(), **context)
