"""How good a face model is on faces that it was never trained on, behind tools/evaluate_model.py.

Importing this costs no Paddle.
"""
