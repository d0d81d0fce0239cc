"""Detect faces in photos, crop them upright, and paste edited faces back."""
