"""Options of CycleGAN's generator, under PaddleGAN's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ppgan_ext.networks.image_sizes import SizeRule
from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.option_types import Count, CountOrZero

if TYPE_CHECKING:
    from ppgan_ext.networks.resnet_generator import ResnetGenerator


class ResnetGeneratorOptions(NetworkOptions):
    """Options of `ResnetGenerator`, which documents its arguments."""

    name: Literal["ResnetGenerator"] = "ResnetGenerator"
    input_nc: Count
    output_nc: Count
    ngf: Count = 64
    norm_type: Literal["batch", "instance", "none"] = "instance"
    use_dropout: bool = False
    n_blocks: CountOrZero = 6
    padding_type: Literal["reflect", "replicate", "zero"] = "reflect"
    upsample: Literal["transposed", "resize"] = "transposed"
    test_mode: Literal["train", "eval"] = "train"

    @property
    def size_rule(self) -> SizeRule:
        """Multiples of 4; the border of 8 pixels can still be reflected at a quarter of the size."""
        return SizeRule(4, 8)

    def build(self, **context: Any) -> ResnetGenerator:
        """Create the generator."""
        from ppgan_ext.networks.resnet_generator import ResnetGenerator

        return ResnetGenerator(**self.arguments(), **context)
