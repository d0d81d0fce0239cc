"""The command ``ppgan-ext page``: its options, and the way to the page itself, which is the layer above."""
