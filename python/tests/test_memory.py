"""Arrays are read where they lie."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from rhohat import SparseAutoencoder

dtype, order = np.dtype(sys.argv[1]), sys.argv[2]
X = np.zeros((40_000, 256), dtype, order=order)
X[:] = np.arange(40_000)[:, None] % 7 % 2
estimator = SparseAutoencoder(8, device="cpu", steps=2, optimizer="adam", batch_size=100, threads=1)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
estimator.fit(X[:1000])
before = peak()
estimator.fit(X)
fitted = peak()
estimator.transform(X)
print(fitted - before, peak() - fitted)
"""


def growth(dtype, order="C"):
    words = [sys.executable, "-c", SCRIPT, dtype, order]
    return list(map(int, subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()))


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is counted in other units elsewhere")
def test_a_fit_takes_as_much_memory_for_eight_bytes_a_number_as_for_one():
    numbers = 40_000 * 256
    least = growth("uint8")
    for dtype in ["float32", "float64"]:
        fit, transform = growth(dtype)
        # A copy of float64 would be eight bytes a number, of float32 four.
        assert fit < least[0] + numbers * 2, dtype
        assert transform < numbers * 2, dtype
    # That a copy would be seen: an array in the other order is one.
    assert growth("float64", "F")[0] > least[0] + numbers * 6
