"""Training: configuration, the loop for all families, and one task per model family."""
