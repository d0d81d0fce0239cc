"""Options of the page in the browser."""

from __future__ import annotations

import ipaddress

from pydantic import field_validator, model_validator

from ppgan_ext.apps.options import Options, option


class PageOptions(Options):
    """Options of ``ppgan-ext page``."""

    host: str = option(
        "127.0.0.1", "address to listen on; any but this machine's own needs --auth or --no_auth", group="server"
    )
    port: int = option(7860, "port to listen on", group="server", ge=1, le=65535)
    auth: str | None = option(None, "ask visitors for this user:password", group="server")
    no_auth: bool = option(
        False, "let everybody in who reaches this machine, also from outside, without a password", group="server"
    )
    share: bool = option(
        False, "show the page to the internet too, through a tunnel by servers of Gradio's makers, who then see what "
        "passes; needs --auth", group="server",
    )  # fmt: skip
    root_path: str | None = option(
        None, "path under which a proxy shows the page, e.g. /faces", group="server", pattern=r"^/[\w./~%-]*$"
    )
    title: str | None = option(None, "title of the page, instead of the software's name", group="output")
    output_path: str | None = option(
        None, "folder in which the results of all visitors are kept too (default: nothing is kept)", group="output"
    )
    model_type: str | None = option(
        None, "model by name, e.g. faces-128, ffhq-inversion (default: faces-128, ships with the package)",
        group="model",
    )  # fmt: skip
    cpu: bool = option(False, "compute on the CPU even where a GPU is found", group="model")
    longest_line: int = option(
        16, "how many visitors may wait for their turn; more are asked to come back later", group="server", ge=1, le=200
    )

    @field_validator("auth")
    @classmethod
    def _has_both_parts(cls, value: str | None) -> str | None:
        user, colon, password = (value or "").partition(":")
        if value is not None and not (user and colon and password):
            raise ValueError("expected user:password, as in --auth anna:secret")
        return value

    @model_validator(mode="after")
    def _is_not_open_by_mistake(self) -> PageOptions:
        if self.auth is not None and self.no_auth:
            raise ValueError("give --auth or --no_auth, not both")
        if self.share and self.auth is None:
            raise ValueError("--share lets the whole internet in; give --auth user:password too")
        if not is_loopback(self.host) and self.auth is None and not self.no_auth:
            raise ValueError(
                f"everybody who reaches this machine could use the page at {self.host}; give --auth user:password, "
                "or --no_auth if that is meant"
            )
        return self

    @property
    def login(self) -> tuple[str, str] | None:
        """User and password; None where nobody is asked."""
        if self.auth is None:
            return None
        user, _, password = self.auth.partition(":")
        return user, password


def is_loopback(host: str) -> bool:
    """Return whether an address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
