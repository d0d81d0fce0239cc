"""CMU Multi-PIE in its own folder layout, and the two splits on which face frontalisation is evaluated.

Multi-PIE (Gross et al., Image and Vision Computing 28, 2010) must not be redistributed, so this module reads the copy
that the user has a licence for, or aligned crops of it in the same folders:
``sessionTT/multiview/SSS/RR/CC_C/SSS_TT_RR_CCC_LL.png`` with subject 001-346, session 01-04, recording (the expressions
of a session), camera and illumination 00-19 (00 and 19 without flash). `tools/prepare_faces.py` keeps these folders and
appends ``.1.png`` to the names; such names are read too.

The splits are those of TP-GAN (arXiv 1704.04086, section 4). Setting 1 uses session 1, with subjects up to 150 for
training and from 151 for testing. Setting 2 uses all sessions, with the subjects up to 200 (all of whom exist) for
training and the 137 after them for testing. Both use neutral expressions only. A split goes by the subjects' numbers,
not by their count, so an incomplete copy is split at the same numbers. TP-GAN's eleven poses are those within 75
degrees; its tables include those at 90 too.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.data.sources import FolderSource
from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.picture_formats import SUFFIXES

Part: TypeAlias = Literal["train", "test"]

# Yaw in degrees as in docs/conventions.md: positive is a head turned to image right. Level cameras, 15 degrees apart.
CAMERAS = {
    "24_0": 90, "01_0": 75, "20_0": 60, "19_0": 45, "04_1": 30, "05_0": 15, "05_1": 0,
    "14_0": -15, "13_0": -30, "08_0": -45, "09_0": -60, "12_0": -75, "11_0": -90,
}  # fmt: skip
RAISED_CAMERAS = frozenset({"08_1", "19_1"})  # look down at the subject; not used by any setting
FRONTAL = "05_1"
# Recordings with a neutral face, by session: session 4 has two, all others have expressions after the first.
NEUTRAL = {1: (1,), 2: (1,), 3: (1,), 4: (1, 2)}
NUM_ILLUMINATIONS = 20
GALLERY_ILLUMINATION = 7  # the flash in front of the subject

_LAST_SUBJECT, _LAST_RECORDING = 346, 3
_SHOT = re.compile(r"(\d{3})_(\d{2})_(\d{2})_(\d{2})(\d)_(\d{2})(?!\d)")
_TAIL = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(SUFFIXES)))})(?:\.(\d+)\.png)?", re.IGNORECASE)
_NUM_EXAMPLES = 3  # misnamed files that the warning lists
_CURE = "Give the folder that contains session01/multiview/001/01/05_1/..."


class MisnamedWarning(UserWarning):
    """Files or folders of a Multi-PIE copy are skipped because their names are not Multi-PIE's."""


class Setting(NamedTuple):
    """A split of Multi-PIE into training and test subjects.

    Attributes:
        sessions: the sessions that it uses.
        train, test: numbers of the subjects.
    """

    sessions: tuple[int, ...]
    train: range
    test: range

    def subjects(self, part: Part) -> range:
        """Return the numbers of the training or test subjects."""
        return self.train if part == "train" else self.test


SETTINGS = {
    1: Setting((1,), range(1, 151), range(151, 251)),
    2: Setting((1, 2, 3, 4), range(1, 201), range(201, _LAST_SUBJECT + 1)),
}


class Shot(NamedTuple):
    """The contents of a picture's name.

    Attributes:
        subject: 1-346.
        session: 1-4.
        recording: 1-3, an expression of the session.
        camera: as in folder names, "05_1".
        illumination: 0-19.
    """

    subject: int
    session: int
    recording: int
    camera: str
    illumination: int

    @property
    def yaw(self) -> int:
        """Yaw in degrees as seen by the camera, positive to image right; only for cameras of `CAMERAS`."""
        return CAMERAS[self.camera]

    @property
    def moment(self) -> tuple[int, int, int, int]:
        """Subject, session, recording and illumination: all cameras took their pictures simultaneously."""
        return self.subject, self.session, self.recording, self.illumination

    @property
    def folder(self) -> str:
        """The folder to which the picture belongs."""
        return f"session{self.session:02d}/multiview/{self.subject:03d}/{self.recording:02d}/{self.camera}"


def parse_name(name: str) -> Shot:
    """Parse the name of a picture; folders before it are ignored.

    Raises:
        InputError: it is not a Multi-PIE name, or a number in it is out of range.
    """
    file = name.rpartition("/")[2]
    shot, end = _read_shot(file, name)
    tail = _TAIL.fullmatch(file[end:])
    if tail is None:
        raise InputError("is not named SSS_TT_RR_CCC_LL.png", where=name, cure="Rename or remove it")
    if tail[1] not in (None, "1"):
        raise InputError(f"is face {tail[1]} of its photo", where=name, cure="Prepare faces with --which largest")
    return shot


def find_shot(name: str) -> Shot | None:
    """Return the shot that a file's name begins with, whatever follows it; None if it begins with none."""
    try:
        return _read_shot(name.rpartition("/")[2], name)[0]
    except InputError:
        return None


def _read_shot(file: str, name: str) -> tuple[Shot, int]:
    """Parse the beginning of a file name; return the shot and where the rest of the name starts."""
    match = _SHOT.match(file)
    if match is None:
        raise InputError("is not named SSS_TT_RR_CCC_LL.png", where=name, cure="Rename or remove it")
    subject, session, recording, illumination = (int(match[i]) for i in (1, 2, 3, 6))
    shot = Shot(subject, session, recording, f"{match[4]}_{match[5]}", illumination)
    for what, value, first, last in (
        ("subject", subject, 1, _LAST_SUBJECT),
        ("session", session, 1, max(NEUTRAL)),
        ("recording", recording, 1, _LAST_RECORDING),
        ("illumination", illumination, 0, NUM_ILLUMINATIONS - 1),
    ):
        if not first <= value <= last:
            problem = f"there is no {what} {value} (the range is {first} to {last})"
            raise InputError(problem, where=name, cure="Rename or remove it")
    if shot.camera not in CAMERAS and shot.camera not in RAISED_CAMERAS:
        raise InputError(f"there is no camera {shot.camera}", where=name, cure=nearest(shot.camera, CAMERAS))
    return shot, match.end()


class MultiPieSource(FolderSource):
    """The training or test pictures of one setting.

    Columns: "subject", "session", "recording", "camera", "yaw" (degrees) and "illumination".

    Args:
        root: the folder that contains the sessions.
        names: paths relative to it, with slashes, in the order of the source.
        misnamed: path -> why it was skipped.

    Attributes:
        shots: the parsed names.
        misnamed: as passed in.
    """

    def __init__(self, root: Path, names: Sequence[str], misnamed: dict[str, str]) -> None:
        super().__init__(root, names)
        self.shots = [parse_name(name) for name in names]
        self.misnamed = misnamed
        self._frontals = {shot.moment: i for i, shot in enumerate(self.shots) if shot.camera == FRONTAL}

    def column(self, name: str) -> npt.NDArray:
        """Return a part of the parsed names, one row for each picture.

        Raises:
            InputError: there is no such column.
        """
        columns = (*Shot._fields, "yaw")
        if name not in columns:
            raise InputError(f"there is no column '{name}'", where=self, cure=nearest(name, columns))
        return np.array([getattr(shot, name) for shot in self.shots])

    def frontal(self, index: int) -> int | None:
        """Return the frontal picture of the same subject, session, recording and illumination; None if missing."""
        return self._frontals.get(self.shots[index].moment)

    def with_frontals(self) -> MultiPieSource:
        """Return the pictures that have a frontal one of the same moment, including the frontal pictures themselves.

        Raises:
            InputError: no picture has one.
        """
        names = [self.name(i) for i in range(len(self)) if self.frontal(i) is not None]
        if not names:
            cure = f"Pairs need the camera {FRONTAL} of the same moment"
            raise InputError("no picture has a frontal counterpart", where=self, cure=cure)
        return MultiPieSource(self.path, names, self.misnamed)


def open_multipie(
    path: str | os.PathLike[str],
    setting: int = 2,
    part: Part = "train",
    *,
    max_yaw: float = 90,
    illuminations: Collection[int] | None = None,
) -> MultiPieSource:
    """Open the training or test pictures of one setting: neutral faces, level cameras.

    Cameras and subjects may be missing. Files with other names, or in other folders than their names imply, are
    skipped; a `MisnamedWarning` reports their number and the first of them. Only folders that can contain matching
    pictures are searched.

    Args:
        path: the folder that contains ``session01`` and so on, directly or in ``data``.
        setting: 1 or 2.
        part: "train" or "test".
        max_yaw: largest camera angle in degrees.
        illuminations: use only these; None for all.

    Raises:
        ConfigError: there is no such setting or illumination.
        InputError: there are no such pictures.
    """
    if setting not in SETTINGS:
        raise ConfigError(f"there is no setting {setting}", where="setting", cure="Choose 1 or 2")
    wrong = sorted(set(illuminations or ()) - set(range(NUM_ILLUMINATIONS)))
    if wrong:
        raise ConfigError(f"there is no illumination {wrong[0]}", where="illuminations", cure="Choose from 0 to 19")
    if not os.fspath(path):
        raise InputError("the path of the data is empty", cure=_CURE)
    root = _find_root(Path(path))
    split = SETTINGS[setting]
    walk = _Walk(root, split.subjects(part), {name for name, yaw in CAMERAS.items() if abs(yaw) <= max_yaw})
    names = [
        name
        for session in split.sessions
        for name, shot in walk.session(session)
        if illuminations is None or shot.illumination in illuminations
    ]
    if walk.misnamed:
        examples = "; ".join(f"{name} {why}" for name, why in list(walk.misnamed.items())[:_NUM_EXAMPLES])
        more = "; ..." if len(walk.misnamed) > _NUM_EXAMPLES else ""
        message = f"{root}: {len(walk.misnamed)} files or folders are skipped: {examples}{more}"
        warnings.warn(message, MisnamedWarning, stacklevel=2)
    if not names:
        what = f"contains no picture of the {part} subjects of setting {setting}"
        raise InputError(what, where=root, cure=_CURE)
    return MultiPieSource(root, sorted(names), walk.misnamed)


def _find_root(path: Path) -> Path:
    for root in (path, path / "data"):
        if any((root / f"session{session:02d}").is_dir() for session in NEUTRAL):
            return root
    what = "contains none of the folders session01 to session04" if path.is_dir() else "no such folder"
    raise InputError(what, where=path, cure=_CURE)


class _Walk:
    """Walks through the folders of sessions and records files and folders with wrong names.

    Args:
        root: the folder that contains the sessions.
        subjects: numbers of the subjects to include.
        cameras: the cameras to include.
    """

    def __init__(self, root: Path, subjects: range, cameras: Collection[str]) -> None:
        self._root = root
        self._subjects = subjects
        self._cameras = cameras
        self._seen: set[Shot] = set()
        self.misnamed: dict[str, str] = {}

    def session(self, number: int) -> Iterator[tuple[str, Shot]]:
        """Yield the name and shot of each matching picture of a session, sorted."""
        top = f"session{number:02d}/multiview"
        if not (self._root / top).is_dir():
            return
        for subject in self._folders(top, re.compile(r"\d{3}"), "subject"):
            if int(subject[-3:]) not in self._subjects:
                continue
            for recording in self._folders(subject, re.compile(r"\d{2}"), "recording"):
                if int(recording[-2:]) not in NEUTRAL[number]:
                    continue
                for camera in self._folders(recording, re.compile(r"\d{2}_\d"), "camera"):
                    if camera[-4:] in self._cameras:
                        yield from self._pictures(camera)

    def _folders(self, folder: str, pattern: re.Pattern[str], what: str) -> Iterator[str]:
        for name, is_folder in self._entries(folder):
            if is_folder and pattern.fullmatch(name):
                yield f"{folder}/{name}"
            elif is_folder:
                self.misnamed[f"{folder}/{name}"] = f"does not have the name of a {what}"
            elif Path(name).suffix.lower() in SUFFIXES:
                self.misnamed[f"{folder}/{name}"] = f"lies among the {what} folders"

    def _pictures(self, folder: str) -> Iterator[tuple[str, Shot]]:
        for file, is_folder in self._entries(folder):
            name = f"{folder}/{file}"
            if is_folder or Path(file).suffix.lower() not in SUFFIXES:
                continue
            try:
                shot = parse_name(name)
            except InputError as error:
                self.misnamed[name] = error.what
                continue
            if shot.folder != folder:
                self.misnamed[name] = f"belongs in {shot.folder}"
            elif shot in self._seen:
                self.misnamed[name] = "is a second picture of the same shot"
            else:
                self._seen.add(shot)
                yield name, shot

    def _entries(self, folder: str) -> list[tuple[str, bool]]:
        """Return (name, is a folder) of the entries that are not hidden, sorted."""
        try:
            with os.scandir(self._root / folder) as entries:
                return sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
        except OSError as error:
            what = f"cannot be listed ({error.strerror})"
            raise InputError(what, where=self._root / folder, cure="Check its permissions") from error


class Protocol(NamedTuple):
    """The pictures of a recognition test, as indices of the source, and the subjects that it leaves out.

    Attributes:
        gallery: one frontal picture of each subject, in ascending order of subjects.
        probes: all other pictures of these subjects, which are to be recognised.
        without_gallery: subjects without such a frontal picture; their pictures are neither gallery nor probes.
    """

    gallery: list[int]
    probes: list[int]
    without_gallery: list[int]


def recognition_protocol(source: MultiPieSource, illumination: int = GALLERY_ILLUMINATION) -> Protocol:
    """Split test pictures into gallery and probes as TP-GAN does.

    Args:
        source: the test pictures.
        illumination: of the gallery, which takes each subject's first frontal picture by session, then recording.

    Raises:
        InputError: no subject has such a frontal picture.
    """
    first: dict[int, int] = {}
    for index, shot in enumerate(source.shots):
        if shot.camera == FRONTAL and shot.illumination == illumination:
            best = source.shots[first.get(shot.subject, index)]
            if (shot.session, shot.recording) <= (best.session, best.recording):
                first[shot.subject] = index
    if not first:
        what = f"no subject has a frontal picture ({FRONTAL}) with illumination {illumination:02d}"
        raise InputError(what, where=source, cure="Choose another illumination for the gallery")
    gallery = set(first.values())
    probes = [i for i, shot in enumerate(source.shots) if shot.subject in first and i not in gallery]
    without = sorted({shot.subject for shot in source.shots} - first.keys())
    return Protocol([first[subject] for subject in sorted(first)], probes, without)
