"""Arrays are read where they lie."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import numpy as np
from rhohat import SparseAutoencoder

dtype, order = np.dtype(sys.argv[1]), sys.argv[2]
X = np.zeros((40_000, 256), dtype, order=order)
X[:] = np.arange(40_000)[:, None] % 7 % 2
estimator = SparseAutoencoder(8, device="cpu", steps=2, optimizer="adam", batch_size=100, threads=1)
# Not ru_maxrss, which begins with what the parent has taken.
peak = lambda: 1024 * int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
estimator.fit(X[:1000])
before = peak()
estimator.fit(X)
fitted = peak()
estimator.transform(X)
print(fitted - before, peak() - fitted)
"""


def growth(dtype, order="C"):
    """Bytes a number that a fit, and then a transform, take beside the array."""
    words = [sys.executable, "-c", SCRIPT, dtype, order]
    # As the command sets them for itself: what is freed goes back, so that peaks are the same every time.
    env = {**os.environ, "MALLOC_ARENA_MAX": "4", "MALLOC_MMAP_THRESHOLD_": "1048576"}
    text = subprocess.run(words, check=True, capture_output=True, text=True, env=env).stdout
    return [int(number) / (40_000 * 256) for number in text.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_fit_of_float64_takes_no_more_memory_than_one_of_float32_since_neither_is_copied():
    single, double, copied = growth("float32"), growth("float64"), growth("float64", "F")
    assert double[0] < single[0] + 1
    assert single[1] < 1 and double[1] < 1
    # That a copy would be seen: an array in the other order is one, of eight bytes a number.
    assert copied[0] > single[0] + 6
