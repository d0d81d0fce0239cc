"""How many channels a StyleGAN2 network has at each resolution, and which sizes exist."""

from __future__ import annotations

from ppgan_ext.errors import ConfigError

RESOLUTIONS = (4, 8, 16, 32, 64, 128, 256, 512, 1024)


def check_size(size: int, smallest: int = 8) -> int:
    """Return log2 of an image side.

    Raises:
        ConfigError: not a power of two between ``smallest`` and 1024.
    """
    allowed = [resolution for resolution in RESOLUTIONS if resolution >= smallest]
    if isinstance(size, bool) or size not in allowed:
        cure = f"Choose from: {', '.join(map(str, allowed))}"
        raise ConfigError(f"a network of {size!r} pixels cannot be built", where="size", cure=cure)
    return int(size).bit_length() - 1


def channel_table(
    channel_multiplier: float = 2, channel_base: int | None = None, channel_cap: int = 512, *, size: int = 4
) -> dict[int, int]:
    """Channels per resolution, for 4 to 1024 pixels whatever the size, as PaddleGAN's attribute ``channels``.

    Args:
        channel_multiplier: config F has 2; 512 channels up to 32 pixels, then 256, 128, 64, 32, 16 times this.
        channel_base: where given, ``min(channel_base // resolution, channel_cap)`` counts instead.
        channel_cap: see ``channel_base``.
        size: the network's largest resolution, for the check.

    Raises:
        ConfigError: a resolution up to ``size`` would be left without channels.
    """
    if channel_base is None:
        table = {res: 512 if res <= 32 else int(16384 // res * channel_multiplier) for res in RESOLUTIONS}
    else:
        table = {res: min(channel_base // res, channel_cap) for res in RESOLUTIONS}
    if table[size] < 1:
        given = f"channel_base {channel_base}, channel_cap {channel_cap}, channel_multiplier {channel_multiplier}"
        raise ConfigError(f"{given} leaves no channels at {size} pixels", where="channels", cure="Use larger numbers")
    return table
