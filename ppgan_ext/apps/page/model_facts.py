"""What the page tells about its model."""

from __future__ import annotations

from ppgan_ext.weights import catalog
from ppgan_ext.weights.catalog import ModelRecord


def model_facts(model_type: str | None) -> ModelRecord:
    """Return the catalog's record of a model, by default of the one that ships with the package.

    Raises:
        ConfigError: there is no such model, or it cannot encode photos.
    """
    return catalog.find(model_type or catalog.DEFAULT_MODEL, "encoder")
