"""Losses: distances between images and between the people they show, adversarial losses, penalties."""
