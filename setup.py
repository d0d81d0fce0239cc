"""Kept so that `python setup.py` and old pip versions work; everything is declared in pyproject.toml."""

from setuptools import setup

setup()
