"""Options of the networks that process codes instead of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.option_types import Count

if TYPE_CHECKING:
    from ppgan_ext.networks.e4e import LatentDiscriminator
    from ppgan_ext.networks.rotator import LatentRotator


class LatentRotatorOptions(NetworkOptions):
    """Options of `LatentRotator`.

    Attributes:
        width: length of the rotator's tokens.
        num_blocks: number of mixing blocks.
    """

    name: Literal["LatentRotator"] = "LatentRotator"
    width: Count = 128
    num_blocks: Count = 3

    def build(self, n_latent: int, style_dim: int = 512, **context: Any) -> LatentRotator:
        """Create the rotator for codes of ``n_latent`` rows of ``style_dim`` numbers."""
        from ppgan_ext.networks.rotator import LatentRotator

        return LatentRotator(n_latent, style_dim, **self.arguments(), **context)


class LatentDiscriminatorOptions(NetworkOptions):
    """Options of `LatentDiscriminator`.

    Attributes:
        num_layers: number of fully connected layers, the last of which computes the score.
    """

    name: Literal["LatentDiscriminator"] = "LatentDiscriminator"
    num_layers: Annotated[Count, Field(ge=2)] = 4

    def build(self, style_dim: int = 512, **context: Any) -> LatentDiscriminator:
        """Create the discriminator of rows of ``style_dim`` numbers."""
        from ppgan_ext.networks.e4e import LatentDiscriminator

        return LatentDiscriminator(style_dim, **self.arguments(), **context)
