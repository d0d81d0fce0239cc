"""Write pickles laid out as NVIDIA's StyleGAN2 code writes them, from what the reader gave: own code, no PyTorch."""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
import types

import numpy as np

from ppgan_ext.weights.readers.nvidia_pkl import PickledNetwork
from ppgan_ext.weights.readers.torch_legacy import MAGIC, VERSION

_STORAGE_CLASSES = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<i8": "LongStorage"}
# Module -> names of stand-ins that exist only to be named in a pickle.
_MODULES = {
    "torch_utils": (),
    "torch_utils.persistence": ("_reconstruct_persistent_obj",),
    "torch": tuple(_STORAGE_CLASSES.values()),
    "torch._utils": ("_rebuild_tensor_v2", "_rebuild_parameter"),
    "torch.storage": ("_load_from_bytes",),
    "dnnlib": (),
    "dnnlib.util": (),
}


class Call:
    """Pickles as a call of ``module.name`` with the arguments."""

    def __init__(self, dotted, *arguments):
        self.dotted, self.arguments = dotted, arguments

    def __reduce__(self):
        module, name = self.dotted.rsplit(".", 1)
        return getattr(sys.modules[module], name), self.arguments


def dumps(tree, protocol=4):
    """Pickle a tree in which ``PickledNetwork`` and ``Call`` may stand anywhere."""
    with stand_ins():
        return pickle.dumps(_written(tree), protocol)


def layer(class_name, state):
    """The call that rebuilds one layer; its ``module_src`` would be run by NVIDIA's loader."""
    source = "raise SystemExit('the code inside was run')"
    meta = {"type": "class", "version": 6, "module_src": source, "class_name": class_name, "state": state}
    return Call("torch_utils.persistence._reconstruct_persistent_obj", meta)


def tensor(array):
    """The call that rebuilds a tensor, its storage a legacy PyTorch file in bytes."""
    array = np.asarray(array, order="C")
    strides = tuple(step // array.itemsize for step in array.strides)
    storage = Call("torch.storage._load_from_bytes", storage_file(array))
    return Call("torch._utils._rebuild_tensor_v2", storage, 0, array.shape, strides, False, {})


def storage_file(array):
    """What ``torch.save`` writes for one storage without its zip format."""
    kind = getattr(sys.modules["torch"], _STORAGE_CLASSES[array.dtype.str])
    stream = io.BytesIO()
    for item in (MAGIC, VERSION, {"little_endian": True}):
        pickle.dump(item, stream, 2)
    pickler = pickle.Pickler(stream, 2)
    pickler.persistent_id = lambda item: ("storage", kind, "0", "cpu", array.size, None) if item is array else None
    pickler.dump(array)
    pickle.dump(["0"], stream, 2)
    stream.write(array.size.to_bytes(8, "little") + array.tobytes())
    return stream.getvalue()


def _written(item):
    if isinstance(item, PickledNetwork):
        return _layer_of(item, "")
    if isinstance(item, dict):
        return {key: _written(value) for key, value in item.items()}
    return item


def _layer_of(network, name):
    prefix = f"{name}." if name else ""
    below = [other for other in network.layers if other.startswith(prefix) and other != name]
    children = {other[len(prefix) :] for other in below if "." not in other[len(prefix) :]}
    own = {
        key[len(prefix) :]: array
        for key, array in network.arrays.items()
        if key.startswith(prefix) and "." not in key[len(prefix) :]
    }
    options = dict(network.layers[name])
    class_name = options.pop("class_name")
    state = {f"_{key}": options.pop(key) for key in ("init_args", "init_kwargs") if key in options}
    state |= options
    state["_parameters"] = {
        key: Call("torch._utils._rebuild_parameter", tensor(array), True, {})
        for key, array in own.items()
        if "weight" in key or "bias" in key
    }
    state["_buffers"] = {key: tensor(array) for key, array in own.items() if key not in state["_parameters"]}
    state["_modules"] = {child: _layer_of(network, prefix + child) for child in sorted(children)}
    state["_forward_hooks"], state["_non_persistent_buffers_set"] = {}, set()
    return layer(class_name, state)


@contextlib.contextmanager
def stand_ins():
    """Put modules of the right names where pickle looks for them, and afterwards what was there before."""
    kept = {name: sys.modules.get(name) for name in _MODULES}
    for name, members in _MODULES.items():
        module = types.ModuleType(name)
        for member in members:
            stand_in = type(member, (), {"__module__": name})
            setattr(module, member, stand_in)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, module in kept.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
