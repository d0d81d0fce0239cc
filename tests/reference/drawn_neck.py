"""Drawn people with a neck, in a shirt."""

from __future__ import annotations

import cv2
import numpy as np

from ppgan_ext.faces.head.hair_network import Chances
from ppgan_ext.faces.head.head_patch import SHAPE
from tests.reference.drawn import DrawnFace, draw_photo

PALE, DARK = (214, 168, 140), (112, 74, 52)
EYES, CENTRE = 64.0, (200.0, 150.0)
CHIN = CENTRE[1] + 1.745 * EYES
BLUE = (60, 90, 170)


def everywhere():
    """No hair, and nothing but a person."""
    return Chances(np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32))


def person(skin=PALE, scarf=None, lean=0.0, yaw=0.0, shirt=BLUE):
    """A photo, its landmarks, and where the neck is drawn, (H, W) of 0 and 1."""
    face = DrawnFace(CENTRE, EYES, skin=skin, yaw_degrees=yaw)
    photo, (points,) = draw_photo((400, 400), [face])
    neck = np.zeros(photo.shape[:2], np.uint8)
    x, half = CENTRE[0], 0.75 * EYES
    top, bottom = CHIN - 40, CHIN + 70
    shift = lean * (bottom - top)
    corners = [(x - half, top), (x + half, top), (x + half + shift, bottom), (x - half + shift, bottom)]
    cv2.fillPoly(neck, [np.rint(corners).astype(np.int32)], 1)
    drawn = photo.copy()
    drawn[int(CHIN) + 20 :] = shirt
    drawn[neck > 0] = scarf or np.uint8(0.75 * np.array(skin))
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    head = cv2.fillConvexPoly(np.zeros_like(neck), hull, 1)
    drawn[head > 0] = photo[head > 0]
    noise = np.random.default_rng(0).normal(0, 3.0, photo.shape[:2])[..., None]
    return np.clip(drawn + noise, 0, 255).astype(np.uint8), points, neck * (1 - head)
