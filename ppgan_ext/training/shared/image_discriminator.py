"""StyleGAN2's discriminator of images for families that start from a face model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.weights import load

if TYPE_CHECKING:
    from ppgan_ext.networks import StyleGANv2Discriminator
    from ppgan_ext.networks.stylegan2_options import StyleGANv2DiscriminatorOptions
    from ppgan_ext.weights.load import FaceModel


def make_discriminator(
    options: StyleGANv2DiscriminatorOptions | None, model: FaceModel | None
) -> StyleGANv2Discriminator:
    """Create a discriminator of images, with the weights of the model's own discriminator if names and shapes agree.

    Args:
        options: arguments of the network; the family's `problems` rejects a configuration without them.
        model: a face model whose file may contain a discriminator; None: keep the initial weights.
    """
    assert options is not None, "`problems` rejects a missing block"
    network = options.build()
    parts = {} if model is None else load.read_checkpoint(model.path)[0].parts
    state = parts.get("discriminator", {})
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if model is not None and expected == {name: array.shape for name, array in state.items()}:
        load.load_into(network, state, model.path)
    return network
