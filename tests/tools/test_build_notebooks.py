"""The notebooks are those of their sources, and each runs from a bare kernel with its first cell."""

from __future__ import annotations

import base64
import re
import runpy
from pathlib import Path

import pytest

from ppgan_ext.pictures import made_here

nbformat = pytest.importorskip("nbformat", reason="the extra test has it")
run_sync = pytest.importorskip("jupyter_core.utils", reason="the extra test has it").run_sync

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
STEPS = "2"  # of each optimisation: enough to run every line


@pytest.fixture(scope="module")
def build():
    return runpy.run_path(str(ROOT / "tools" / "build_notebooks.py"))["build"]


def cells_of(content, kind):
    return [cell.source for cell in nbformat.reads(content, 4).cells if cell.cell_type == kind]


def test_there_are_five_in_two_languages():
    assert [path.stem[0] for path in SOURCES] == list("12345")
    names = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert names == {f"{path.stem}{suffix}.ipynb" for path in SOURCES for suffix in ("", "_cn")}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_notebooks_are_those_of_the_source_without_outputs(source, build):
    built = build(source)
    assert len(built) == 2
    for path, content in built.items():
        assert path.read_text(encoding="utf-8") == content, "run python tools/build_notebooks.py"
        assert all(not cell.get("outputs") and cell.get("execution_count") is None
                   for cell in nbformat.reads(content, 4).cells)  # fmt: skip


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_both_languages_have_the_same_code_and_as_many_texts(source, build):
    english, chinese = build(source).values()
    assert cells_of(english, "code") == cells_of(chinese, "code")
    texts = cells_of(english, "markdown"), cells_of(chinese, "markdown")
    assert len(texts[0]) == len(texts[1]) >= 5
    for one, other in zip(*texts, strict=True):
        assert one.count("#") == other.count("#") and one.count("](") == other.count("](")
        assert any("\u4e00" <= letter <= "\u9fff" for letter in other)


def test_all_begin_with_the_same_cell_and_their_links_lead_somewhere(build):
    first = set()
    for source in SOURCES:
        for content in build(source).values():
            first.add(cells_of(content, "code")[0])
            for text in cells_of(content, "markdown"):
                targets = [part.partition(")")[0] for part in text.split("](")[1:]]
                assert [target for target in targets if not (ROOT / "notebooks" / target).exists()] == []
    assert len(first) == 1


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a function that runs a notebook in one kernel for all, bare at first, which forgets the names between."""
    nbclient = pytest.importorskip("nbclient", reason="the extra test has it")
    kernels = pytest.importorskip("jupyter_client.kernelspec", reason="the extra test has it")
    if kernels.KernelSpecManager().find_kernel_specs().get("python3") is None:
        pytest.skip("ipykernel is not installed")
    folder = tmp_path_factory.mktemp("notebooks")
    forget = f"%reset -f\nimport os, sys\nos.chdir({str(folder)!r})\nsys.path.remove({str(ROOT)!r})"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PPGAN_EXT_SOURCE", str(ROOT))
        patch.setenv("PPGAN_EXT_NOTEBOOK_STEPS", STEPS)
        patch.setenv("PIP_NO_INDEX", "1")
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):  # not the user's own
            patch.setenv(name, str(folder / name.lower()))
        for name in ("PYTHONPATH", "JUPYTERHUB_SERVICE_PREFIX", "VSCODE_PROXY_URI", "STUDIO_MODEL_API_URL_PREFIX"):
            patch.delenv(name, raising=False)
        owner = nbclient.NotebookClient(nbformat.v4.new_notebook(), kernel_name="python3")
        owner.km = owner.create_kernel_manager()

        def execute(notebook):
            notebook.cells.append(nbformat.v4.new_code_cell(forget))
            client = nbclient.NotebookClient(
                notebook, km=owner.km, timeout=400, resources={"metadata": {"path": str(folder)}}
            )
            try:
                client.execute()
            finally:
                client.kc.stop_channels()

        yield execute
        if owner.km.has_kernel:
            run_sync(owner.km.shutdown_kernel)(now=True)


@pytest.mark.slow
@pytest.mark.bundled
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_and_its_pictures_bear_the_mark(source, run, tmp_path):
    notebook = nbformat.read(source.with_suffix(".ipynb"), 4)
    run(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output.text for output in outputs if output.get("name") == "stderr" and "Traceback" in output.text]
    data = [output.get("data", {}) for output in outputs]
    shown = [each["image/png"] for each in data if "image/png" in each]
    shown += [found for each in data for found in re.findall(r"image/png;base64,([^\"]+)", each.get("text/html", ""))]
    assert shown
    for number, picture in enumerate(shown):
        path = tmp_path / f"{number}.png"
        path.write_bytes(base64.b64decode(picture))
        assert made_here(path), f"picture {number} of {source.name}"
