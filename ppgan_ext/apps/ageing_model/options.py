"""Options of tools/fit_ageing.py."""

from __future__ import annotations

from ppgan_ext.apps.options import Options, Paths, option


class AgeingFitOptions(Options):
    """Options of fitting a model of ageing."""

    input: Paths = option([], "portraits, or folders of portraits", group="input")
    ages: str = option(
        "ages.csv", "CSV with a line for each portrait: its file, age and sex (female, male)", group="input"
    )
    file_column: str = option("file", "column of --ages with the file's name", group="input")
    age_column: str | None = option(
        None, "column of --ages with the age (default: age, or the first whose name begins with it)", group="input"
    )
    sex_column: str = option("sex", "column of --ages with the sex", group="input")
    leave_out: list[str] = option([], "names of files to leave out, for measuring the result on them", group="input")
    data: str = option("", "where the portraits come from, for the card", group="output")
    licence: str = option("", "the licence under which the model may be used, for the card", group="output")
    output: str = option("ageing.safetensors", "file to write; the card is written beside it", group="output")
