"""Edits of pictures that are transparent in places."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.picture_decoding import from_array, with_opacity
from ppgan_ext.transparency import show_on_white, solid_picture

SKIN = (180, 120, 90)


def cut_out(feather=0.0, hidden=(0, 0, 0)):
    """A disc of one colour on a transparent ground, (200, 160, 4)."""
    rgba = np.zeros((200, 160, 4), np.uint8)
    rgba[..., :3] = hidden
    disc = cv2.circle(np.zeros((200, 160), np.uint8), (80, 100), 60, 255, -1)
    rgba[disc > 0, :3] = SKIN
    rgba[..., 3] = cv2.GaussianBlur(disc, (0, 0), feather) if feather else disc
    return rgba


def moved(picture, by):
    """A picture whose content has moved to the right."""
    return cv2.warpAffine(picture, np.array([[1.0, 0.0, by], [0.0, 1.0, 0.0]]), (160, 200))


def test_an_opaque_picture_is_edited_as_it_is():
    photo = from_array(np.full((20, 30, 3), 7, np.uint8))
    assert solid_picture(photo) is photo.image
    edited = photo.image + np.uint8(1)
    assert show_on_white(edited, photo.image, photo) is edited


@pytest.mark.parametrize(("feather", "hidden"), [(0.0, (0, 0, 0)), (2.0, (0, 255, 0))])
def test_what_moves_into_opaque_places_is_neither_white_nor_hidden_colour(feather, hidden):
    photo = from_array(cut_out(feather, hidden))
    solid = solid_picture(photo)
    shown = photo.rgba[..., 3] == 255
    assert np.array_equal(solid[shown], photo.image[shown])
    assert np.array_equal(solid[2, 2], (255, 255, 255))
    result = with_opacity(show_on_white(moved(solid, 3.0), solid, photo), photo)
    assert np.array_equal(result[..., 3], photo.rgba[..., 3])
    inner = result[..., :3][shown].astype(int)
    assert np.abs(inner - SKIN).max() <= (30 if feather else 12)
    # The same edit on white, as transparency was edited before, leaves a bright rim.
    on_white = with_opacity(moved(photo.image, 3.0), photo)[..., :3][shown].astype(int)
    assert np.abs(on_white - SKIN).max() > (5 if feather else 60)


def test_nothing_edited_keeps_all_bits_and_a_change_is_that_of_the_edit():
    photo = from_array(cut_out(3.0))
    solid = solid_picture(photo)
    assert np.array_equal(show_on_white(solid.copy(), solid, photo), photo.image)
    edited = solid.copy()
    edited[90:110] = np.clip(edited[90:110].astype(int) - 40, 0, 255)
    result = with_opacity(show_on_white(edited, solid, photo), photo)
    assert np.array_equal(result[:90], photo.rgba[:90]) and np.array_equal(result[110:], photo.rgba[110:])
    half = (photo.rgba[..., 3] > 120) & (photo.rgba[..., 3] < 255)
    half[:90], half[110:] = False, False
    expected = np.clip(photo.rgba[..., :3].astype(int) - 40, 0, 255)
    assert half.any() and np.abs(result[..., :3].astype(int) - expected)[half].max() <= 3


def test_strips_and_a_copy_of_another_size_leave_no_seams(monkeypatch):
    rgba = cv2.resize(cut_out(2.0), (960, 1200), interpolation=cv2.INTER_LINEAR)
    whole = solid_picture(from_array(rgba))
    monkeypatch.setattr("ppgan_ext.picture_decoding._STRIP_PIXELS", 960 * 37)
    assert np.abs(solid_picture(from_array(rgba)).astype(int) - whole).max() <= 2
