"""Edit the age, expression and style of faces in real photos with StyleGAN2 on PaddlePaddle.

Importing the package corrects Paddle's CPU defaults (see `ppgan_ext.runtime`), makes Paddle's import quiet
(`ppgan_ext.quiet_import`) and imports neither Paddle nor NumPy: anything heavier is imported from its own submodule.
"""

from ppgan_ext import quiet_import, runtime
from ppgan_ext.version import __version__

__all__ = ["__version__"]

runtime.tune()
quiet_import.install()
