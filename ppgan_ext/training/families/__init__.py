"""The model families that can be trained, a folder each."""
