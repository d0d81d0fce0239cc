"""A network that turns heads in W+."""
