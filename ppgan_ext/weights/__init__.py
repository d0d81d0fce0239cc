"""Weights: the catalog of models, the cache and downloads, readers of all formats, and strict loading."""
