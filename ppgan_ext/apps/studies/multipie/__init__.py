"""Rank-1 face recognition on a user's own copy of Multi-PIE, by yaw, behind tools/evaluate_multipie.py."""
