"""Pairs of pictures for training pix2pix: two folders joined, or photos of faces beside what is drawn after them."""
