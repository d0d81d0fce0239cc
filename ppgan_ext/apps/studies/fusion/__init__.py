"""How well faces are fused: pose, identity, seam and time of each method, behind tools/evaluate_fusion.py."""
