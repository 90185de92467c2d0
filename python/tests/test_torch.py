"""The estimator as a module of PyTorch."""

import warnings

import numpy as np
import pytest
from conftest import small


@pytest.fixture(autouse=True)
def no_words_of_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(("activation", "output"), [("sigmoid", "sigmoid"), ("tanh", "linear"), ("sigmoid", "tanh")])
def test_a_module_of_pytorch_computes_the_same(X, activation, output):
    # Missing, it fails: whoever runs without it says so (`-m "not torch"`).
    import torch

    estimator = small(activation=activation, output=output, rho=0.1).fit(X)
    module = estimator.to_torch()
    rows = torch.tensor(X.tolist())
    assert [type(layer).__name__ for layer in module][::2] == ["Linear", "Linear"]
    with torch.no_grad():
        codes, outputs = module[:2](rows), module(rows)
    np.testing.assert_allclose(codes.tolist(), estimator.transform(X), atol=1e-6)
    np.testing.assert_allclose(outputs.tolist(), estimator.reconstruct(X), atol=1e-6)


pytestmark = pytest.mark.torch
