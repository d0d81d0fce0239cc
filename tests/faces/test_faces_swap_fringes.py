"""A person's fringe hides their forehead, and the brows that it reaches."""

import numpy as np
import pytest

from ppgan_ext.faces.head.hair import find_hair
from ppgan_ext.faces.light import to_linear, to_srgb
from ppgan_ext.faces.mask import height_above_brows
from ppgan_ext.faces.swap import head
from ppgan_ext.faces.swap.brows import BROWS, brow_place
from ppgan_ext.faces.swap.fringes import hidden_forehead
from ppgan_ext.faces.swap.head import find_head
from tests.reference.drawn import DrawnFace, draw_photo

SHAPE = (350, 390)


@pytest.fixture(scope="module")
def face():
    photo, (landmarks,) = draw_photo((SHAPE[1], SHAPE[0]), [DrawnFace((190.0, 180.0), 62.0)], 0)
    return photo, landmarks


@pytest.fixture(scope="module")
def landmarks(face):
    return face[1]


def hair_down_to(landmarks, height):
    return (height_above_brows(landmarks, SHAPE) > height).astype(np.float32)


@pytest.mark.parametrize("height", [1.0, 0.3])
def test_a_bare_forehead_and_one_with_hair_at_its_top_are_known(face, landmarks, height):
    assert not hidden_forehead(*face, hair_down_to(landmarks, height)).any()


def test_a_fringe_hides_all_of_the_forehead_and_leaves_brows_that_it_does_not_reach(face, landmarks):
    hidden = hidden_forehead(*face, hair_down_to(landmarks, 0.1))
    above, brows = height_above_brows(landmarks, SHAPE), np.maximum(*(brow_place(landmarks, SHAPE, b) for b in BROWS))
    assert (hidden[(above > 0.03) & (brows < 0.01)] > 0.95).all()
    assert hidden[brows > 0.99].max() < 1e-3 and not hidden[above < 0.0].any()


def test_a_fringe_over_one_brow_hides_both(face, landmarks):
    hair = hair_down_to(landmarks, 0.1)
    left = np.rint(landmarks[22:27]).astype(int)
    hair[left[:, 1].min() - 8 : left[:, 1].max() + 8, left[0, 0] : left[-1, 0]] = 1.0
    hidden = hidden_forehead(*face, hair)
    for brow in BROWS:
        assert (hidden[brow_place(landmarks, SHAPE, brow) > 0.99] > 0.95).all()


@pytest.mark.parametrize(("light", "hides"), [(0.4, True), (0.75, False)], ids=["hair", "shade"])
def test_a_forehead_much_darker_than_the_cheeks_is_hair_that_nothing_else_sees(face, light, hides):
    photo, landmarks = face
    above = height_above_brows(landmarks, SHAPE)
    dark = photo.copy()
    dark[above > -0.1] = to_srgb(to_linear(photo[above > -0.1]) * light).round().astype(np.uint8)
    hidden = hidden_forehead(dark, landmarks, np.zeros(SHAPE, np.float32))
    brows = np.maximum(*(brow_place(landmarks, SHAPE, brow) for brow in BROWS))
    assert (hidden[(above > 0.03) | (brows > 0.99)] > 0.95).all() if hides else not hidden.any()


def test_what_is_joined_to_hair_in_its_colour_is_hair(monkeypatch):
    """The network often takes a fringe for face; the matte of the hair adds it."""
    photo, (points,) = draw_photo((390, 350), [DrawnFace((190.0, 180.0), 62.0)], 0)
    plain = find_head(photo, points)

    def with_fringe(picture, landmarks, patch, chances):
        matte = find_hair(picture, landmarks, patch, chances)
        return matte._replace(alpha=np.ones_like(matte.alpha))

    monkeypatch.setattr(head, "find_hair", with_fringe)
    seen = find_head(photo, points)
    assert (seen.hair >= plain.hair).all() and seen.hair[180, 190] == 1.0
    assert np.array_equal(seen.person, plain.person)
