"""How good a face model is on faces that it was never trained on; what `tools/evaluate_model.py` does.

Importing this costs no Paddle.
"""
