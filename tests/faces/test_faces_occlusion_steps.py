"""What is found before a face is what its steps find, and what is taken away leaves light and grain of skin."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.occlusion import face_covers, strands
from ppgan_ext.faces.occlusion.bare_face import without_glasses
from ppgan_ext.faces.occlusion.cover_network import SHAPE, CoverChances
from ppgan_ext.faces.occlusion.face_covers import FaceCovers, find_covers_of
from ppgan_ext.faces.occlusion.headwear import without_headwear
from ppgan_ext.faces.occlusion.rims import Rims
from tests.reference.drawn import DrawnFace, draw_photo

SKIN = (204, 160, 134)
PHOTO, (POINTS,) = draw_photo((200, 220), [DrawnFace((100.0, 90.0), 52.0, skin=SKIN)], 0)


def full(shape, value):
    return np.full(shape[:2], value, np.float32)


def covers_of(monkeypatch, lens=0.0, dark=0.0, other=0.0, gaps=0.8, glass=0.4, hides=True):
    """Find covers where every step sees the same everywhere; returns them, and the lenses that a frame is told."""
    told = []
    answers = {
        "cover_chances": lambda photo, landmarks: CoverChances(*(full(SHAPE, one) for one in (0.9, lens, dark, other))),
        "frame_weight": lambda part, expected, lenses, points, scale: told.append(lenses) or full(part.shape, 0.5),
        "has_bridge": lambda weight, points: True,
        "find_rims": lambda part, *_: Rims(full(part.shape, 1.0) > 0, full(part.shape, gaps), full(part.shape, glass)),
        "object_weight": lambda part, chance, scale: full(part.shape, 0.7) * (chance > 0.5),
        "hides_face": lambda picture, landmarks, cover: hides,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(face_covers, name, answer)
    return find_covers_of(PHOTO, POINTS), told


def middle(values):
    """Return the one value that a map has around the nose."""
    here = values[80:110, 80:120]
    assert np.ptp(here) < 1e-5
    return float(here[0, 0])


@pytest.mark.parametrize(("gaps", "glass", "frame"), [(0.8, 0.4, 0.8), (0.0, 0.4, 0.3), (0.0, 0.0, 0.5)])
def test_a_frame_has_its_gaps_and_no_lines_within_its_glass(monkeypatch, gaps, glass, frame):
    covers, told = covers_of(monkeypatch, lens=0.9, gaps=gaps, glass=glass)
    assert covers.found == ("glasses",)
    seen = [middle(covers.whole(name, PHOTO.shape)) for name in ("frame", "lens", "solid", "rims")]
    assert seen == pytest.approx([frame, 0.9, 0.0, 1.0])
    assert middle(told[-1]) == pytest.approx(0.9)


def test_dark_lenses_are_solid_and_have_a_frame(monkeypatch):
    covers, told = covers_of(monkeypatch, dark=0.9)
    assert covers.found == ("sunglasses",)
    seen = [middle(covers.whole(name, PHOTO.shape)) for name in ("frame", "lens", "solid", "rims")]
    assert seen == pytest.approx([0.5, 0.0, 1.0, 0.0])
    assert middle(told[-1]) == pytest.approx(0.9)


def test_an_object_is_solid_where_it_hides_the_face_and_else_is_none(monkeypatch):
    covers, _ = covers_of(monkeypatch, other=0.9)
    assert covers.found == ("an object",)
    assert middle(covers.whole("solid", PHOTO.shape)) == pytest.approx(0.7)
    assert covers_of(monkeypatch, other=0.9, hides=False)[0] is None
    both, _ = covers_of(monkeypatch, dark=0.6, other=0.9)
    assert both.found == ("sunglasses", "an object")
    assert middle(both.whole("solid", PHOTO.shape)) == pytest.approx(0.7)  # each where it covers more
    assert covers_of(monkeypatch, dark=0.9, other=0.9, hides=False)[0].found == ("sunglasses",)


def worn(paint, lens=None, rims=None, frame=None):
    """A photo on which something is painted, its covers, and the lens."""
    nothing = np.zeros(PHOTO.shape[:2], np.float32)
    disc = nothing.copy()
    for eye in (slice(36, 42), slice(42, 48)):
        place = POINTS[eye].mean(axis=0).round().astype(int) + np.array((0, 8))
        cv2.circle(disc, tuple(place.tolist()), 16, 1.0, -1)
    ring = cv2.dilate(disc, np.ones((5, 5))) - disc
    photo = paint(PHOTO.astype(np.float32), disc, ring).clip(0, 255).astype(np.uint8)
    maps = [nothing if one is None else one(disc, ring) for one in (frame, lens, rims)]
    region = (0, 0, PHOTO.shape[1], PHOTO.shape[0])
    return photo, FaceCovers(region, maps[0], maps[1], nothing, maps[2], ("glasses",)), disc, ring


def apart(picture, where):
    """Return how far a picture is from the face without anything, in levels, where that is its skin."""
    skin = (np.abs(PHOTO.astype(int) - SKIN).max(axis=2) < 12) & where
    assert skin.sum() > 60
    return float(np.abs(picture.astype(float) - PHOTO)[skin].mean())


def test_a_tint_is_taken_from_what_a_lens_shows():
    photo, covers, disc, _ = worn(
        lambda photo, disc, ring: photo * (1.0 - 0.3 * disc[..., None]) * (1.0 - 0.8 * ring[..., None]),
        lens=lambda disc, ring: disc, frame=lambda disc, ring: ring,
    )  # fmt: skip
    inside = cv2.erode(disc, np.ones((5, 5))) > 0
    assert apart(without_glasses(photo, POINTS, covers), inside) < 0.3 * apart(photo, inside)


@pytest.mark.parametrize("seen_as", ["frame", "rims"])
def test_a_frame_that_is_seen_and_a_rim_that_is_followed_become_skin(seen_as):
    photo, covers, _, ring = worn(
        lambda photo, disc, ring: photo * (1.0 - 0.8 * ring[..., None]),
        lens=lambda disc, ring: disc, **{seen_as: lambda disc, ring: ring},
    )  # fmt: skip
    assert apart(without_glasses(photo, POINTS, covers), ring > 0) < 0.25 * apart(photo, ring > 0)


def test_a_reflection_in_a_lens_becomes_skin_and_light_beside_it_stays():
    spots = [POINTS[41] + np.array((-2.0, 12.0)), POINTS[8] - np.array((0.0, 12.0))]
    spots = [spot.round().astype(int).tolist() for spot in spots]

    def paint(photo, disc, ring):
        for spot in spots:
            cv2.circle(photo, tuple(spot), 4, (255.0, 255.0, 255.0), -1)
        return photo

    photo, covers, _, _ = worn(paint, lens=lambda disc, ring: disc)
    result = without_glasses(photo, POINTS, covers)
    (x, y), (other_x, other_y) = spots
    assert np.abs(result[y, x].astype(float) - SKIN).max() < 30.0
    assert np.array_equal(result[other_y, other_x], (255, 255, 255))


GRAINY = np.clip(
    PHOTO + cv2.GaussianBlur(np.random.default_rng(0).normal(0, 9.0, PHOTO.shape[:2]), (0, 0), 0.7)[..., None], 0, 255
).astype(np.uint8)
FOREHEAD = np.s_[int(POINTS[19, 1]) - 16 : int(POINTS[19, 1]) - 8, int(POINTS[21, 0]) - 20 : int(POINTS[22, 0]) + 20]


def grain(picture):
    part = picture.astype(np.float32).mean(axis=2)
    return float((part - cv2.GaussianBlur(part, (0, 0), 1.5))[FOREHEAD][2:-2, 2:-2].std())


@pytest.mark.parametrize("what", ["headwear", "strands"])
def test_skin_that_goes_on_below_it_has_the_grain_of_the_rest(monkeypatch, what):
    cover = np.zeros(PHOTO.shape[:2], np.float32)
    cover[FOREHEAD] = 1.0
    wide = cv2.dilate(cover, np.ones((13, 13)))
    flat = np.where(cv2.dilate(cover, np.ones((11, 11)))[..., None] > 0, np.uint8((90, 60, 50)), GRAINY)
    if what == "headwear":
        result = without_headwear(flat, POINTS, wide)
    else:
        monkeypatch.setattr(strands, "find_strands", lambda *_: wide)
        monkeypatch.setattr(strands, "find_thin_strands", lambda *_: 0.0 * wide)
        result = strands.without_strands(flat, POINTS, np.zeros_like(cover))
    assert grain(flat) < 0.1 * grain(GRAINY)
    assert grain(result) > 0.4 * grain(GRAINY)


def test_colours_of_the_hair_do_not_go_on_under_a_strand(monkeypatch):
    """The strand hangs from black hair, from which a gap in its shade parts it."""
    hair, strand = np.zeros((2, *PHOTO.shape[:2]), np.float32)
    top = FOREHEAD[0].start
    hair[:top] = 1.0
    x = int(POINTS[27, 0])
    strand[top + 5 : top + 16, x - 3 : x + 4] = 1.0
    shade = strand.copy()
    shade[top : top + 5, x - 3 : x + 4] = 1.0
    black = np.where(np.maximum(hair, shade)[..., None] > 0, np.uint8(12), PHOTO)
    monkeypatch.setattr(strands, "find_strands", lambda *_: strand)
    monkeypatch.setattr(strands, "find_thin_strands", lambda *_: 0.0 * strand)
    result = strands.without_strands(black, POINTS, hair)
    assert np.array_equal(result[: top - 1], black[: top - 1])
    assert result[top + 6 : top + 14, x - 2 : x + 3].min(axis=(0, 1))[0] > 150
