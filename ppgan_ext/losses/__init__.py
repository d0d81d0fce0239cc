"""What is minimised: distances between images, and between the people in them."""

from ppgan_ext.losses.identity import IdentityDistance, identity_network
from ppgan_ext.losses.perceptual import FeatureDistance, Perceptual, bundled_distance, default_perceptual, lpips_vgg

__all__ = [
    "FeatureDistance",
    "IdentityDistance",
    "Perceptual",
    "bundled_distance",
    "default_perceptual",
    "identity_network",
    "lpips_vgg",
]
