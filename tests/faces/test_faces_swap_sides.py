"""What is seen in the two photos of a fusion reaches what the face is drawn from."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.light import to_linear, to_srgb
from ppgan_ext.faces.mask import height_above_brows
from ppgan_ext.faces.occlusion.face_covers import FaceCovers
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap import nose_shadow, sides
from ppgan_ext.faces.swap.mouth import opening
from ppgan_ext.faces.swap.sides import Portrait, look_at, see_person
from tests.reference.drawn import DrawnFace, draw_photo

SHAPE = (260, 230)


def drawn(seed=0, **more):
    picture, (landmarks,) = draw_photo((SHAPE[1], SHAPE[0]), [DrawnFace((115.0, 105.0), 56.0, **more)], seed)
    return Portrait(picture, landmarks)


def nowhere():
    return np.zeros(SHAPE, np.float32)


@pytest.fixture
def seen(monkeypatch):
    """Look at a photo and a person, of whom the networks see what they are told here."""

    def look(photo, person, hair=None, photos_covers=None, persons_covers=None):
        monkeypatch.setattr(sides, "find_hair_over", lambda *_: nowhere() if hair is None else hair)
        monkeypatch.setattr(
            sides, "find_covers_of", lambda picture, _: photos_covers if picture is photo.picture else persons_covers
        )
        return look_at(photo, see_person(person))

    monkeypatch.setattr(nose_shadow, "beard_chances", lambda *_: {})
    return look


def covers(found, **maps):
    parts = {name: nowhere() for name in ("frame", "lens", "solid", "rims")}
    return FaceCovers((0, 0, SHAPE[1], SHAPE[0]), **parts | maps, found=found)


def with_parted_landmarks(portrait):
    """Return lips that only the landmarks part, as the predictor parts full ones."""
    picture, landmarks = portrait.picture.copy(), portrait.landmarks.copy()
    landmarks[[65, 66, 67], 1] = landmarks[[63, 62, 61], 1] + 5.0
    cv2.fillPoly(picture, [np.rint(landmarks[48:60]).astype(np.int32)], (171, 84, 73))
    return Portrait(picture, landmarks)


def test_the_lips_of_both_are_looked_at(seen):
    photo, person = with_parted_landmarks(drawn(0)), with_parted_landmarks(drawn(1))
    found = seen(photo, person)
    assert opening(photo.landmarks) > 0.002
    assert opening(found.photo.landmarks) == pytest.approx(0.0, abs=2e-4)
    assert opening(found.person.landmarks) == pytest.approx(0.0, abs=2e-4)


def test_the_shadow_of_the_persons_nose_is_lifted_and_the_photos_stays(seen):
    photo, person = drawn(0), drawn(1)
    below = np.zeros(SHAPE, np.uint8)
    corners = person.landmarks[[31, 35, 52, 50]] + [[0.0, 3.0], [0.0, 3.0], [0.0, -4.0], [0.0, -4.0]]
    cv2.fillConvexPoly(below, np.rint(corners).astype(np.int32), 1)
    for portrait in (photo, person):
        dark = to_srgb(to_linear(portrait.picture[below > 0]) * np.float32((0.26, 0.17, 0.14)))
        portrait.picture[below > 0] = np.rint(dark).astype(np.uint8)
    found = seen(photo, person)
    assert found.person.picture[below > 0].mean() > person.picture[below > 0].mean() + 20
    assert np.array_equal(found.photo.picture, photo.picture)


def test_a_strand_that_hangs_from_the_persons_hair_is_not_taken_along(seen, monkeypatch):
    monkeypatch.setattr(sides, "find_headwear", lambda *_: nowhere())
    person = drawn(1, skin=(224, 184, 160))
    plain, size = person.picture.copy(), face_size(person.landmarks)
    x, brow = np.rint(person.landmarks[19]).astype(int)
    top, bottom = brow - round(0.26 * size), brow - round(0.08 * size)
    hair = nowhere()
    hair[top - 25 : top, x - 30 : x + 30] = 1.0
    person.picture[hair > 0] = 25
    person.picture[top:bottom, x - 1 : x + 2] = 25
    found = seen(drawn(0), person, hair)
    strand = slice(top + 4, bottom - 3), x
    assert np.abs(person.picture[strand].astype(int) - plain[strand]).mean() > 80
    assert np.abs(found.person.picture[strand].astype(int) - plain[strand]).mean() < 25


def test_the_persons_hair_hides_what_is_below_it_and_a_little_beside_it(seen):
    person, hair = drawn(1), nowhere()
    x, y = np.rint(person.landmarks[2]).astype(int)
    hair[y - 10 : y + 10, x - 5 : x + 6] = 1.0
    hidden = seen(drawn(0), person, hair).hidden
    assert hidden[y, x + 7] == 1.0
    assert hidden[y, x + 20] == 0.0


def test_under_the_persons_fringe_all_of_the_forehead_counts_as_hidden(seen):
    person = drawn(1)
    above = height_above_brows(person.landmarks, SHAPE)
    fringe = (above > 0.12).astype(np.float32)
    columns = np.abs(np.arange(SHAPE[1]) - person.landmarks[27, 0]) < 4.0
    between = (above > 0.03) & (above < 0.08) & columns
    fringed, bare = (seen(drawn(0), person, hair).hidden for hair in (fringe, None))
    assert fringed[between].min() > 0.9
    assert bare[between].max() == 0.0


def test_what_hides_the_person_hides_its_edge_too(seen):
    person, hand = drawn(1), nowhere()
    x, y = np.rint(person.landmarks[[31, 48, 3]].mean(axis=0)).astype(int)
    hand[y - 8 : y + 9, x - 8 : x + 9] = 1.0
    found = seen(drawn(0), person, persons_covers=covers(("a hand",), solid=hand))
    assert found.hidden[y, x] == 1.0
    assert 0.2 < found.hidden[y, x + 12] < 1.0
    assert found.dropped_covers == ("a hand",)


def test_the_frame_of_sunglasses_hides_and_that_of_clear_glasses_does_not(seen):
    person, frame = drawn(1), nowhere()
    x, y = np.rint(person.landmarks[29]).astype(int)
    frame[y - 3 : y + 4, x - 25 : x + 26] = 1.0
    dark, clear = (
        seen(drawn(0), person, persons_covers=covers((name,), frame=frame)).hidden for name in ("sunglasses", "glasses")
    )
    assert dark[y, x] == 1.0
    assert clear[y, x] == 0.0


def test_the_persons_glasses_are_taken_off(seen):
    person, frame = drawn(1), nowhere()
    plain = person.picture.copy()
    x, y = np.rint(person.landmarks[29]).astype(int)
    frame[y - 2 : y + 3, x - 25 : x + 26] = 1.0
    person.picture[frame > 0] = (15, 15, 160)
    found = seen(drawn(0), person, persons_covers=covers(("glasses",), frame=frame))
    assert np.abs(found.person.picture[frame > 0].astype(int) - plain[frame > 0]).mean() < 30


def test_headwear_of_the_person_hides_and_is_not_taken_along_and_the_photos_is_told(seen, monkeypatch):
    photo, person = drawn(0), drawn(1)
    above = height_above_brows(person.landmarks, SHAPE)
    hat = (above > 0.2).astype(np.float32)
    person.picture[hat > 0] = (30, 60, 160)
    monkeypatch.setattr(sides, "find_headwear", lambda picture, _: 0.5 * hat if picture is photo.picture else hat)
    found = seen(photo, person)
    assert found.hidden[hat > 0].min() == 1.0
    assert np.array_equal(found.headwear, 0.5 * hat)
    rim = (hat > 0) & (above < 0.23) & (np.abs(np.arange(SHAPE[1]) - person.landmarks[27, 0]) < 6.0)
    assert found.person.picture[rim][..., 0].mean() > 180


@pytest.mark.parametrize("whose", ["photo", "person"])
def test_landmarks_under_a_mask_are_the_others(seen, whose):
    photo, person = drawn(0), drawn(1, mouth_open=0.4)
    covered = photo if whose == "photo" else person
    mask = nowhere()
    mask[int(covered.landmarks[33, 1]) + 3 :] = 1.0
    found = seen(photo, person, **{f"{whose}s_covers": covers(("a mask",), solid=mask)})
    seen_lips, of_other = (np.ptp(side.landmarks[[51, 57], 1]) for side in (found.photo, found.person))
    assert seen_lips == pytest.approx(of_other, rel=0.1)
    assert found.stays == (whose == "photo")
    np.testing.assert_array_equal(found.seen, photo.landmarks)
    assert (found.over is not None) == (whose == "photo")


def test_a_person_is_looked_at_once_for_many_photos_unless_their_landmarks_depend_on_the_photo(seen, monkeypatch):
    person, mask = drawn(1), nowhere()
    mask[int(person.landmarks[33, 1]) + 3 :] = 1.0
    looks = []
    monkeypatch.setattr(sides, "without_nose_shadow", lambda picture, _: looks.append(picture) or picture)
    seen(drawn(0), person)
    looks.clear()
    plain = see_person(person)
    first, second = (look_at(drawn(seed), plain) for seed in (0, 2))
    assert len(looks) == 1
    assert first.person is second.person
    monkeypatch.setattr(sides, "find_covers_of", lambda *_: covers(("a mask",), solid=mask))
    masked = see_person(person)
    monkeypatch.setattr(sides, "find_covers_of", lambda *_: None)
    lower = drawn(0, mouth_open=0.4)
    shut, opened = (look_at(photo, masked).person.landmarks for photo in (drawn(0), lower))
    assert opened[57, 1] > shut[57, 1] + 5.0
