"""Measurements of models and methods, behind the scripts of tools/."""
