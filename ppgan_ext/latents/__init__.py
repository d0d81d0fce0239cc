"""Latent codes of a StyleGAN2 generator: files, directions, mixing, fitting a code to a photo.

Conventions: `z` and `w` are (style_dim,), `w_plus` is (n_latent, style_dim) with one row per generator layer, coarse
first; n_latent = 2 * log2(size) - 2.
"""
