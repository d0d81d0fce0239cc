"""Names of files: what is printed, what is written, and which path means which."""

import pytest

from ppgan_ext.file_names import clean, folded, match_paths, printable, shortened, unique


def test_names_cannot_steer_a_console():
    for name in ("a\x1b[31mb", "a\nb", "a\u202eb", "a\udcffb", "\x9b2J"):
        assert printable(name).isprintable()
        assert printable(name).startswith("a") == name.startswith("a")
        printable(name).encode("utf-8")
        assert clean(name).isprintable()
    assert printable("père été 照片.jpg") == "père été 照片.jpg"
    assert printable("a\udcff.jpg") == "a\\xff.jpg"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("IMG 10:30", "IMG 10:30"), ("a/b", "a_b"), ("..", "_"), ("", "_"), ("a\udcffb", "a_b"), ("a\nb", "a_b")],
)
def test_names_are_cleaned(name, expected):
    assert clean(name) == expected


def test_names_are_cut_between_characters():
    assert shortened("abc", 3) == "abc"
    assert shortened("é" * 10, 5) == "éé"
    name = "n" * 300 + ".age+20.png"
    cut = shortened(name, 255, keep_end=20)
    assert len(cut) == 255 and cut.endswith("nnn.age+20.png")
    assert len(shortened("照" * 100 + ".png", 100, keep_end=5).encode()) <= 100


def test_names_that_some_file_system_takes_for_one_are_told_apart():
    taken = set()
    made = []
    for name in ("A", "a", "é", "e\u0301", "a-2", "STRASSE", "straße"):
        made.append(unique(name, taken))
        taken.add(folded(made[-1]))
    assert made == ["A", "a-2", "é", "e\u0301-2", "a-2-2", "STRASSE", "straße-2"]


@pytest.mark.parametrize(
    ("wanted", "names", "expected"),
    [
        ("1", ["1.jpg", "2.jpg"], [0]),
        ("1.png", ["1.jpg"], [0]),
        ("bob/1.jpg", ["alice/1.jpg"], []),
        ("bob/1.jpg", ["alice/1.jpg", "bob/1.png"], [1]),
        ("bob/1.jpg", ["1.jpg"], [0]),
        ("1.jpg", ["alice/1.jpg", "bob/1.jpg"], [0, 1]),
        ("1.jpg", ["alice/1.jpg", "1.jpg"], [1]),
        ("x/bob/1.jpg", ["y/bob/1.jpg", "bob/1.jpg"], [1]),
        ("/home/me/photos/bob/1.jpg", ["/data/alice/1.jpg", "/data/bob/1.jpg"], [1]),
        ("a.jpg", ["a.png", "a.jpg"], [1]),
        ("bob\\1.jpg", ["alice/1.jpg", "bob/1.jpg"], [1]),
        ("bob/1.jpg", ["photos/1.jpg"], []),
        ("bob/2.jpg", ["bob/1.jpg"], []),
    ],
)
def test_paths_match_by_their_longest_common_path(wanted, names, expected):
    assert match_paths([wanted], names) == [expected]


def test_absolute_paths_may_lie_in_different_places():
    wanted = ["/home/me/set/bob/1.jpg", "/home/me/set/alice/1.jpg"]
    names = ["/mnt/data/alice/1.jpg", "/mnt/data/bob/1.jpg"]
    assert match_paths(wanted, names) == [[1], [0]]
    assert match_paths([], names) == [] and match_paths(wanted, []) == [[], []]
