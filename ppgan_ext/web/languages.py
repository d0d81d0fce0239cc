"""The two languages of the page, and the kind of entry that every table of texts has."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Language: TypeAlias = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
HTML_CODES: dict[Language, str] = {"zh": "zh-CN", "en": "en"}


class Text(NamedTuple):
    """A text in both languages, with the same names in braces."""

    zh: str
    en: str

    def of(self, language: Language, **values: object) -> str:
        """Return it in a language, with the values put in."""
        text = self.zh if language == "zh" else self.en
        return text.format(**values) if values else text
