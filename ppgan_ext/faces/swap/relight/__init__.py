"""A drawn face in the photo's light: shading, gloss, detail of skin, eyes, lips and brows."""
