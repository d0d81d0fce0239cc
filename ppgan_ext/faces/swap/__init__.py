"""Classic face swapping: one person's face, drawn into another's photo by landmarks, triangles and blending.

`warp_method` is the whole method. Its steps: `overlay` draws the face through the triangles of `face_mesh` and lowers
its weight where `visibility` finds it hidden; `composite` matches skin and light and blends it within `blend_mask`;
`reshape` moves the photo's head to other landmarks.
"""
