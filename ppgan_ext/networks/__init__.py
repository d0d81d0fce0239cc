"""The networks, one paper per file. ``NETWORKS`` names those that files can ask for."""

from paddle import nn

from ppgan_ext.networks.stylegan2 import StyleGANv2Generator

NETWORKS: dict[str, type[nn.Layer]] = {
    "StyleGANv2Generator": StyleGANv2Generator,
}

__all__ = ["NETWORKS", "StyleGANv2Generator"]
