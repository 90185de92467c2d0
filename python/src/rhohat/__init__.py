"""Sparse autoencoders with a Kullback-Leibler penalty, as a scikit-learn transformer.

    from rhohat import SparseAutoencoder

    features = SparseAutoencoder(n_components=196, rho=0.1, weight_decay=3e-3)
    codes = features.fit_transform(X)        # X: rows in [0, 1]

Training runs on the CPU or, through WebGPU, on any GPU, with the bits of the command ``rhohat``.
"""

import os
import sys
from typing import TYPE_CHECKING

if sys.platform == "linux" and "XDG_RUNTIME_DIR" not in os.environ:
    # Mesa's Vulkan layer that chooses a device would print an error whenever one is looked for. Devices are chosen by name here.
    os.environ.setdefault("NODEVICE_SELECT", "1")

from ._rhohat import DeviceError, DivergedError, __version__

if TYPE_CHECKING:
    from ._estimator import SparseAutoencoder
    from ._progress import Progress

__all__ = ["DeviceError", "DivergedError", "Progress", "SparseAutoencoder", "__version__"]


def __getattr__(name: str):
    # scikit-learn takes a second to be imported, which the command has no use for.
    if name == "SparseAutoencoder":
        from ._estimator import SparseAutoencoder

        return SparseAutoencoder
    if name == "Progress":
        from ._progress import Progress

        return Progress
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
