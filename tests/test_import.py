"""Importing the package is cheap and quiet: no Paddle, no NumPy, no warning."""

import json
import subprocess
import sys

CODE = """
import json, sys, time
start = time.process_time()
import ppgan_ext
seconds = time.process_time() - start
heavy = [name for name in ("paddle", "numpy", "cv2", "dlib", "PIL", "pydantic", "yaml") if name in sys.modules]
print(json.dumps([seconds, heavy, ppgan_ext.__version__]))
"""


def test_import_in_a_fresh_interpreter():
    run = subprocess.run([sys.executable, "-W", "error", "-c", CODE], capture_output=True, text=True, check=True)
    seconds, heavy, version = json.loads(run.stdout)
    assert run.stderr == ""
    assert heavy == []
    assert seconds < 0.3
    assert version.count(".") == 2


def test_fusing_by_warping_loads_no_network():
    """Networks and Paddle are imported when the latent method asks for them."""
    code = (
        "import json, sys; import ppgan_ext.apps.fusion.predictor; "
        "names = ('paddle', 'ppgan_ext.engine', 'ppgan_ext.networks'); "
        "print(json.dumps([name for name in names if name in sys.modules]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
