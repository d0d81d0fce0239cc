"""Pictures to learn from: where they are, what is done to them, in which order they come, and who loads them.

Nothing here imports Paddle, so that the processes that load pictures stay small and start fast.
"""
