"""One person's face in another's photo."""
