"""Fit directions of a model's latent space on labelled faces, and calibrate their lengths on pictures."""
