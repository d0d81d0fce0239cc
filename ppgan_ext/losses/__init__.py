"""Losses: distances between images and between the people in them, adversarial losses, penalties."""
