"""Applying image-to-image networks: ``ppgan-ext translate`` and ``ppgan-ext cartoon``."""
