"""Encoders for a StyleGAN2 generator: pSp and encoder4editing."""
