"""Checks of the pages that describe the package.

Both READMEs show the same commands (test_documented_commands.py runs them); the links lead to files, the Python
compiles. The page of papers lists every arXiv number that the code cites.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "README_cn.md"]
PAPERS = ROOT / "docs" / "papers.md"
ARXIV = re.compile(r"(?<![\d.])\d\d(?:0[1-9]|1[0-2])\.\d{4,5}(?!\d)")  # year, month, number


def commands_of(page: Path) -> list[list[str]]:
    """Return the words of each indented command line, without its comment."""
    lines = re.findall(r"^    ((?:ppgan-ext|python|make|pip) .*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def test_both_languages_show_the_same_commands_and_sections():
    english, chinese = (page.read_text(encoding="utf-8") for page in PAGES)
    assert commands_of(PAGES[0]) == commands_of(PAGES[1])
    for pattern in (r"^#+ ", r"^```", r"!\[", r"^\|"):
        assert len(re.findall(pattern, english, re.MULTILINE)) == len(re.findall(pattern, chinese, re.MULTILINE))


def test_scripts_and_configurations_of_the_commands_exist():
    words = [word for line in commands_of(PAGES[0]) for word in line]
    files = [word for word in words if word.startswith(("tools/", "configs/", "applications/"))]
    assert len(files) >= 12
    assert [file for file in files if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=["en", "cn"])
def test_links_and_pictures_exist(page):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert len(targets) >= 8
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=["en", "cn"])
def test_python_blocks_compile_and_import(page):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        compile(block, str(page), "exec")
        imports = "\n".join(line for line in block.splitlines() if line.startswith(("from ", "import ")))
        exec(imports, {})


def test_the_page_of_papers_lists_every_arxiv_number_of_the_code():
    sources = [file for folder in ("ppgan_ext", "tools") for file in (ROOT / folder).rglob("*.py")]
    cited = {number for file in sources for number in ARXIV.findall(file.read_text(encoding="utf-8"))}
    listed = re.findall(r"^\| \[(.+?)\]", PAPERS.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == sorted(cited)


def test_the_modules_on_the_page_of_papers_exist():
    rows = [line for line in PAPERS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    names = {name for row in rows for name in re.findall(r"`(.+?)`", row.split(" | ")[-1])}
    assert len(names) >= 40
    paths = {name: ROOT / name if "/" in name else ROOT / "ppgan_ext" / name.replace(".", "/") for name in names}
    assert [name for name, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").is_file())] == []
