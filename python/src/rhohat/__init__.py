"""Sparse autoencoders with a Kullback-Leibler penalty, as a scikit-learn transformer.

    from rhohat import SparseAutoencoder

    features = SparseAutoencoder(n_components=196, rho=0.1, weight_decay=3e-3)
    codes = features.fit_transform(X)        # X: rows in [0, 1]

Training runs on the CPU or, through WebGPU, on any GPU, with the bits of the command ``rhohat``.
"""

from ._estimator import SparseAutoencoder
from ._progress import Progress
from ._rhohat import DeviceError, DivergedError, __version__

__all__ = ["DeviceError", "DivergedError", "Progress", "SparseAutoencoder", "__version__"]
