"""Choosing faces by number, by place and by a photo of the same person."""

import numpy as np
import pytest
import skimage

from ppgan_ext.errors import ConfigError, NoFaceError
from ppgan_ext.faces.choice import choose, main_face, most_alike
from ppgan_ext.faces.descriptor import face_descriptor
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.types import Box, Face


def faces_of(number):
    return [Face(Box(0, 0, 10 - i, 10 - i), np.full((68, 2), float(i))) for i in range(number)]


def box_at(left, top, size=10):
    return Face(Box(left, top, left + size, top + size), np.zeros((68, 2)))


def test_choose():
    faces = faces_of(3)
    assert choose(faces) == faces
    assert choose(faces, "all") == faces
    assert choose(faces, "largest") == faces[:1]
    assert choose(faces, 2) == [faces[1]]
    assert choose(faces, [3, 1, 3]) == [faces[2], faces[0]]
    assert choose(faces, np.int64(1)) == [faces[0]]


@pytest.mark.parametrize(("widths", "stands_out"), [([], False), ([9], True), ([20, 10, 3], True), ([19, 10], False)])
def test_a_photo_is_of_its_only_face_or_of_one_twice_as_wide_as_the_others(widths, stands_out):
    faces = [box_at(0, 0, width) for width in widths]
    assert main_face(faces) is (faces[0] if stands_out else None)


@pytest.mark.parametrize(
    ("number", "which", "text"),
    [
        (3, 4, "there is no face 4; the photo shows 3 faces, numbered 1 to 3. 'ppgan-ext age --list_faces'"),
        (3, [1, 0], "there is no face 0; the photo shows 3 faces"),
        (1, 2, "there is no face 2; the photo shows 1 face, numbered 1"),
        (0, "largest", "no face was found. Give a photo"),
        (0, 1, "no face was found"),
    ],
)
def test_a_wrong_number_says_how_many_there_are(number, which, text):
    with pytest.raises(NoFaceError) as caught:
        choose(faces_of(number), which)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("which", ["largst", True, 1.5, [], [1, "2"], None])
def test_what_names_no_face_is_refused(which):
    with pytest.raises(ConfigError):
        choose(faces_of(2), which)
    with pytest.raises(ConfigError, match="Did you mean 'largest'"):
        choose(faces_of(2), "largst")


@pytest.mark.parametrize(("word", "number"), [("left", 2), ("right", 0), ("top", 1), ("bottom", 2), ("largest", 0)])
def test_places_are_those_of_the_picture(word, number):
    faces = [box_at(50, 20, 20), box_at(30, 0), box_at(0, 40)]
    assert choose(faces, word) == [faces[number]]
    with pytest.raises(NoFaceError):
        choose([], word)


@pytest.mark.slow
def test_the_face_that_shows_a_person_is_found_and_a_stranger_is_not():
    astronaut = skimage.data.astronaut()
    portrait = astronaut[:300, 60:420]
    mirrored = np.ascontiguousarray(portrait[:, ::-1])
    (face,) = find_faces(portrait)
    person = face_descriptor(mirrored, find_faces(mirrored)[0])
    assert most_alike(portrait, [face], person) is face
    with pytest.raises(NoFaceError, match="the only face does not show the person asked for"):
        most_alike(portrait, [face], person + 1.0)
    with pytest.raises(NoFaceError, match="no face was found"):
        most_alike(portrait, [], person)
