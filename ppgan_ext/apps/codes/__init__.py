"""Latent codes from the command line: encode, fit, mix, generate."""
