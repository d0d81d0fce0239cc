"""Fitting the model of ageing to portraits of known age."""
