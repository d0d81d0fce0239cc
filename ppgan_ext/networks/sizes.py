"""The sizes of StyleGAN2 networks, and their number of channels at each resolution."""

from __future__ import annotations

from ppgan_ext.errors import ConfigError

RESOLUTIONS = (4, 8, 16, 32, 64, 128, 256, 512, 1024)


def check_size(size: int, smallest: int = 8) -> int:
    """Return log2 of the side of an image.

    Raises:
        ConfigError: the side is not a power of two from ``smallest`` to 1024.
    """
    allowed = [resolution for resolution in RESOLUTIONS if resolution >= smallest]
    if isinstance(size, bool) or size not in allowed:
        cure = f"Choose from: {', '.join(map(str, allowed))}"
        raise ConfigError(f"a network of {size!r} pixels cannot be built", where="size", cure=cure)
    return int(size).bit_length() - 1


def channel_table(
    channel_multiplier: float = 2, channel_base: int | None = None, channel_cap: int = 512, *, size: int = 4
) -> dict[int, int]:
    """Return the channels per resolution, always for 4 to 1024 pixels, as PaddleGAN's attribute ``channels``.

    Args:
        channel_multiplier: factor of the channels above 32 pixels, which are 256, 128, 64, 32 and 16 times this; up to
            32 pixels there are 512. It is 2 in config F.
        channel_base: if set, the channels are ``min(channel_base // resolution, channel_cap)`` instead.
        channel_cap: see ``channel_base``.
        size: the network's largest resolution, for the check.

    Raises:
        ConfigError: there would be no channels at ``size``.
    """
    if channel_base is None:
        table = {res: 512 if res <= 32 else int(16384 // res * channel_multiplier) for res in RESOLUTIONS}
    else:
        table = {res: min(channel_base // res, channel_cap) for res in RESOLUTIONS}
    if table[size] < 1:
        widths = f"channel_base {channel_base}, channel_cap {channel_cap}, channel_multiplier {channel_multiplier}"
        raise ConfigError(f"{widths} leaves no channels at {size} pixels", where="channels", cure="Use larger numbers")
    return table
