"""Training: settings, the loop that knows no network, and one task per model family."""
