"""The pages on deployment agree in both languages, and what they and the Dockerfile tell to run is understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ppgan_ext.apps.command_line import read_options
from ppgan_ext.apps.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "docs" / "deployment.md", ROOT / "docs" / "deployment_cn.md"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def blocks_of(page, language=None):
    """The fenced blocks of a page, without comments; all of them, or those of one language."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    bare = [(kind, re.sub(r"\s*(?<!\S)# .*", "", text)) for kind, text in found]
    return bare if language is None else [text for kind, text in bare if kind == language]


def commands_of(page):
    """The words of each line of shell."""
    text = re.sub(r" *\\\n +", " ", "".join(blocks_of(page, "sh")))
    return [shlex.split(line) for line in text.splitlines() if line.strip()]


def settings_of_the_page(page):
    (text,) = blocks_of(page, "yaml")
    return text


def test_both_languages_tell_the_same():
    english, chinese = (page.read_text(encoding="utf-8") for page in PAGES)
    assert blocks_of(PAGES[0]) == blocks_of(PAGES[1])
    for pattern in (r"^#+ ", r"^ {4}\S", r"^\d\. ", r"^\* ", r"\]\("):
        assert len(re.findall(pattern, english, re.MULTILINE)) == len(re.findall(pattern, chinese, re.MULTILINE)) > 0


@pytest.mark.parametrize("page", PAGES, ids=["en", "cn"])
def test_links_exist(page):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_commands_of_photos_are_understood():
    lines = [words[words.index("age") + 1 :] for words in commands_of(PAGES[0]) if "age" in words]
    assert len(lines) == 2
    for words in lines:
        read_options(COMMANDS["age"], words, "age")


@pytest.mark.skipif("page" not in COMMANDS, reason="this version has no page")
def test_commands_of_the_page_are_understood(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.yaml").write_text(settings_of_the_page(PAGES[0]), encoding="utf-8")
    lines = [words[words.index("page") + 1 :] for words in commands_of(PAGES[0]) if "page" in words]
    assert len(lines) >= 4
    for words in lines:
        read_options(COMMANDS["page"], words, "page")


def test_the_image_runs_as_nobody_special_and_checks_its_health():
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert int(re.search(r"^USER (\d+)$", last, re.MULTILINE)[1]) >= 1000
    assert last.index("\nUSER ") > last.rindex("\nRUN ") and last.index("\nUSER ") < last.index("\nENTRYPOINT ")
    assert "HEALTHCHECK" in last and "slim" in last.splitlines()[0]
    for line in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE):
        assert ":" in line and not line.endswith(":latest")


def test_the_image_is_built_of_files_that_exist():
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in kept if not (ROOT / name).exists()] == []
    assert {"pyproject.toml", "ppgan_ext", "constraints.txt", "README.md"} <= set(kept)
