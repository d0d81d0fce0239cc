"""Figures of speed and memory: each file measures one thing and writes JSON with the machine's record."""
