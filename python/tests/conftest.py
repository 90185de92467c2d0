"""What tests share: rows, the command, and an estimator on the CPU."""

import os

# Before scikit-learn is imported: its checks of arrays of other libraries are left out otherwise.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import subprocess  # noqa: E402
import sys  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from rhohat import SparseAutoencoder  # noqa: E402


def waves(rows: int, cols: int = 13, dtype=np.float32) -> np.ndarray:
    """Rows in [0.1, 0.9], each of them another."""
    i, j = np.arange(rows)[:, None], np.arange(cols)
    return (0.5 + 0.4 * np.sin((7 * i + j) * 0.3 + i % 5)).astype(dtype)


@pytest.fixture
def X() -> np.ndarray:
    return waves(300)


def small(**params) -> SparseAutoencoder:
    """Nine units on the CPU, thirty steps."""
    return SparseAutoencoder(**{"n_components": 9, "rho": 0.1, "steps": 30, "device": "cpu", **params})


def command(*words: object, **more) -> subprocess.CompletedProcess:
    """Runs `rhohat`, which has to succeed."""
    # A test that is run by several programs at once shares nothing with them.
    env = {**os.environ, **more.pop("env", {})}
    words = [sys.executable, "-m", "rhohat", *map(str, words)]
    return subprocess.run(words, check=True, capture_output=True, text=True, env=env, **more)


def params_of(estimator: SparseAutoencoder) -> list[np.ndarray]:
    return [estimator.components_, estimator.encoder_bias_, estimator.decoder_, estimator.decoder_bias_]


def same_bits(one, other) -> bool:
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))
