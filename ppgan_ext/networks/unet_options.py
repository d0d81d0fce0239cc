"""Options of pix2pix' generator, under PaddleGAN's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ppgan_ext.networks.image_sizes import SizeRule
from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.option_types import Count

if TYPE_CHECKING:
    from ppgan_ext.networks.unet import UnetGenerator


class UnetGeneratorOptions(NetworkOptions):
    """Options of `UnetGenerator`, which documents its arguments."""

    name: Literal["UnetGenerator"] = "UnetGenerator"
    input_nc: Count
    output_nc: Count
    num_downs: Annotated[Count, Field(ge=5, le=12)]
    ngf: Count = 64
    norm_type: Literal["batch", "instance", "none"] = "batch"
    use_dropout: bool = False
    upsample: Literal["transposed", "resize"] = "transposed"
    test_mode: Literal["train", "eval"] = "train"

    @property
    def size_rule(self) -> SizeRule:
        """Multiples of 2**num_downs."""
        return SizeRule(2**self.num_downs, 2**self.num_downs)

    def build(self, **context: Any) -> UnetGenerator:
        """Create the generator."""
        from ppgan_ext.networks.unet import UnetGenerator

        return UnetGenerator(**self.arguments(), **context)
