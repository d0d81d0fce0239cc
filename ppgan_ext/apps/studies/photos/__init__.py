"""What edits do to whole photos of real size, behind tools/evaluate_photos.py.

Importing this costs no Paddle.
"""
