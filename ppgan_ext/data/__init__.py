"""Training and test data: sources of pictures, data sets, the order of samples, and the processes that load them.

No module here imports Paddle, so worker processes stay small and start fast.
"""
