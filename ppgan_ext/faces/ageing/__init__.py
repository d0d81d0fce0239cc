"""Ageing at the photo's own resolution: wrinkles, folds, spots and grey hair that no small generator can draw."""
