"""Face detectors: a module for each, whose function `find` returns the faces of a photo with their landmarks."""
