"""StyleGAN2's discriminator of images beside a task: made, filled from a model's file, set against the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgan_ext.losses.adversary import Adversary, Penalty
from ppgan_ext.nn.forms import once_form, twice_form
from ppgan_ext.weights import load

if TYPE_CHECKING:
    from ppgan_ext.networks import StyleGANv2Discriminator
    from ppgan_ext.networks.stylegan2_options import StyleGANv2DiscriminatorOptions
    from ppgan_ext.training.task import Task
    from ppgan_ext.weights.load import FaceModel


def make_discriminator(
    options: StyleGANv2DiscriminatorOptions | None, model: FaceModel | None
) -> StyleGANv2Discriminator:
    """Make a discriminator of images, with the weights of the model's own where that is the same network."""
    assert options is not None, "`problems` has refused this"
    network = options.build()
    parts = {} if model is None else load.read_checkpoint(model.path)[0].parts
    state = parts.get("discriminator", {})
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if model is not None and expected == {name: array.shape for name, array in state.items()}:
        load.load_into(network, state, model.path)
    return network


def make_adversary(task: Task, name: str, gan_mode: str, gamma: float, every: int, *, forms: bool = True) -> Adversary:
    """Set a task's discriminator against it, with lazy R1.

    Args:
        task: whose network it is.
        name: of the network.
        gan_mode: name of the adversarial loss.
        gamma: weight of R1; 0 leaves it out.
        every: iterations between R1.
        forms: whether the network takes a ``form`` argument.
    """
    on_cpu = task.processes.device == "cpu"
    pair: Any = (once_form(on_cpu), twice_form(on_cpu)) if forms else None
    penalties = [Penalty("r1", gamma, every)] if gamma else []
    return Adversary(task.networks[name], gan_mode, penalties, forms=pair, autocast=task.autocast)
