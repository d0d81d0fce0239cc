"""Find faces in photos, cut them out upright, and put edited faces back."""
