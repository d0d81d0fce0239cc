"""A study of face detection: what is found and what is taken for a face, by size, tilt, light and cut."""
