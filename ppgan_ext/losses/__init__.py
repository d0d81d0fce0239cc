"""What is minimised: distances between images."""

from ppgan_ext.losses.perceptual import FeatureDistance, Perceptual, bundled_distance, default_perceptual, lpips_vgg

__all__ = ["FeatureDistance", "Perceptual", "bundled_distance", "default_perceptual", "lpips_vgg"]
