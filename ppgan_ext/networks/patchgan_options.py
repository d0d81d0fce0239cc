"""Options of PatchGAN, under PaddleGAN's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ppgan_ext.networks.image_sizes import SizeRule
from ppgan_ext.networks.network_options import NetworkOptions
from ppgan_ext.option_types import Count

if TYPE_CHECKING:
    from ppgan_ext.networks.patchgan import NLayerDiscriminator, NLayerDiscriminatorWithClassification


class NLayerDiscriminatorOptions(NetworkOptions):
    """Options of `NLayerDiscriminator`, which documents its arguments."""

    name: Literal["NLayerDiscriminator"] = "NLayerDiscriminator"
    input_nc: Count
    ndf: Count = 64
    n_layers: Count = 3
    norm_type: Literal["batch", "instance", "spectral", "none"] = "instance"
    use_sigmoid: bool = False
    first_bias: bool = False
    test_mode: Literal["train", "eval"] = "train"

    @property
    def size_rule(self) -> SizeRule:
        """Images of which at least one patch has a score."""
        return patch_rule(self.n_layers)

    def build(self, **context: Any) -> NLayerDiscriminator:
        """Create the discriminator."""
        from ppgan_ext.networks.patchgan import NLayerDiscriminator

        return NLayerDiscriminator(**self.arguments(), **context)


class NLayerDiscriminatorWithClassificationOptions(NetworkOptions):
    """Options of `NLayerDiscriminatorWithClassification`, which documents its arguments."""

    name: Literal["NLayerDiscriminatorWithClassification"] = "NLayerDiscriminatorWithClassification"
    input_nc: Count
    n_class: Count = 10
    ndf: Count = 64
    n_layers: Count = 3
    norm_type: Literal["batch", "instance", "spectral", "none"] = "instance"
    use_sigmoid: bool = False
    first_bias: bool = False
    test_mode: Literal["train", "eval"] = "train"

    @property
    def size_rule(self) -> SizeRule:
        """Images of which at least one patch has a score."""
        return patch_rule(self.n_layers)

    def build(self, **context: Any) -> NLayerDiscriminatorWithClassification:
        """Create the discriminator."""
        from ppgan_ext.networks.patchgan import NLayerDiscriminatorWithClassification

        return NLayerDiscriminatorWithClassification(**self.arguments(), **context)


def patch_rule(n_layers: int) -> SizeRule:
    """Return the rule for layers that halve the sides, followed by two that take one pixel from every side."""
    return SizeRule(smallest=3 * 2**n_layers)
