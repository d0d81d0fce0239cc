"""Write notebooks/*.ipynb, in English and (_cn) Chinese and without outputs, from the texts in notebooks/*.py."""

import importlib.util
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.files import write_bytes

LANGUAGES = {"en": "", "zh": "_cn"}
PYTHON = {"display_name": "Python 3", "language": "python", "name": "python3"}
KERNEL = {"kernelspec": PYTHON, "language_info": {"name": "python"}}


def build(source: Path) -> dict[Path, str]:
    """Return the notebooks of a source by their paths; cells without a language, the code, are in both."""
    import jupytext
    import nbformat

    cells = jupytext.read(source, fmt="py:percent").cells
    built = {}
    for language, suffix in LANGUAGES.items():
        chosen = [cell.copy() for cell in cells if cell.metadata.get("lang", language) == language]
        for number, cell in enumerate(chosen, 1):
            cell.update(id=f"cell-{number}", metadata={})
        notebook = nbformat.v4.new_notebook(cells=chosen, metadata=KERNEL)
        nbformat.validate(notebook)
        built[source.with_name(f"{source.stem}{suffix}.ipynb")] = nbformat.writes(notebook) + "\n"
    return built


if __name__ == "__main__":
    RepeatableParser(description=__doc__).parse_args()
    if importlib.util.find_spec("jupytext") is None:
        sys.exit("error: jupytext is not installed. Install it: pip install -e '.[test]'")
    for text in sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.py")):
        for path, content in build(text).items():
            write_bytes(path, content.encode())
