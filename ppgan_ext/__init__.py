"""Edit the age, expression and style of faces in real photos with StyleGAN2 on PaddlePaddle.

Importing the package sets the CPU defaults that Paddle leaves wrong (see `ppgan_ext.runtime`) and imports neither
Paddle nor NumPy; everything heavier is imported from the submodule that offers it.
"""

from ppgan_ext import runtime
from ppgan_ext.version import __version__

__all__ = ["__version__"]

runtime.tune()
