"""Edits of whole photos: ageing and every other direction, one face or all of them."""
