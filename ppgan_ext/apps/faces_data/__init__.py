"""Training faces: cut out of photos, aligned, listed."""
