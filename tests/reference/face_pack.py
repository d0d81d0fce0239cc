"""A pack of pictures with labels, which stand for faces: age and gender can be learned from their pixels."""

from __future__ import annotations

import numpy as np

from tests.reference.toy_face_model import SIZE

NUM_FACES = 260


def write_pack(path, num=NUM_FACES, size=SIZE):
    """Write faces as a bright square whose brightness is the age, on a ground that shows gender; 3 labels unknown."""
    rng = np.random.default_rng(1)
    ages, genders = rng.integers(10, 90, num), rng.integers(0, 2, num)
    images = rng.integers(0, 20, (num, size, size, 3)).astype(np.uint8)
    images[:, size // 4 : size // 2, size // 4 :] += (2 * ages).astype(np.uint8)[:, None, None, None]
    images[:, : size // 4, :, 2] += (100 * genders).astype(np.uint8)[:, None, None]
    blocks = rng.integers(0, 255, (num, 4, 8, 1), np.uint8)  # distinguishes the faces
    images[:, size // 2 :] = blocks.repeat(size // 8, axis=1).repeat(size // 8, axis=2)
    label = np.stack([ages, genders, np.zeros(num)], 1).astype(np.int16)
    label[[2, 5], 0], label[7, 1] = -1, -1
    np.savez(path, images=images, label=label, name=np.array([f"face{i}.png" for i in range(num)]))
    return path
