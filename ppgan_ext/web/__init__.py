"""The page in the browser, in Chinese and English: what `apps` can do, for visitors. Nothing imports this layer."""

from ppgan_ext.web import gradio_import

gradio_import.install()
