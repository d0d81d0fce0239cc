"""Edit the age, expression and style of faces in real photos with StyleGAN2 on PaddlePaddle.

Importing the package corrects Paddle's CPU defaults (see `ppgan_ext.runtime`) and imports neither Paddle nor NumPy:
anything heavier is imported from its own submodule.
"""

from ppgan_ext import runtime
from ppgan_ext.version import __version__

__all__ = ["__version__"]

runtime.tune()
