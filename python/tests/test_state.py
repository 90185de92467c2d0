"""The state of a run: partial_fit, fit_more, pickle."""

import copy
import pickle

import numpy as np
import pytest
from conftest import params_of, same_bits, small, waves

from rhohat import SparseAutoencoder


def steps(estimator, X, batches):
    for rows in batches:
        estimator.partial_fit(X[rows])
    return estimator


BATCHES = [slice(first, first + 50) for first in range(0, 300, 50)]


def adam(X, batches, w1, b1, d, b2, rho=0.1, beta=3.0, decay=1e-4, lr=0.02):
    """The lecture's formulas and Adam in float64, from given parameters on."""
    params, m, v = [w1, b1, d, b2], [0.0] * 4, [0.0] * 4
    sigmoid = lambda z: 1 / (1 + np.exp(-z))
    for t, rows in enumerate(batches, 1):
        x, (w1, b1, d, b2) = X[rows].astype(np.float64), params
        a2 = sigmoid(x @ w1.T + b1)
        a3 = sigmoid(a2 @ d + b2)
        mean = a2.mean(axis=0)
        d3 = (a3 - x) * a3 * (1 - a3)
        penalty = beta * (-rho / mean + (1 - rho) / (1 - mean))
        d2 = (d3 @ d.T + penalty) * a2 * (1 - a2)
        count = len(x)
        grads = [d2.T @ x / count + decay * w1, d2.mean(axis=0), a2.T @ d3 / count + decay * d, d3.mean(axis=0)]
        for i, grad in enumerate(grads):
            m[i] = 0.9 * m[i] + 0.1 * grad
            v[i] = 0.999 * v[i] + 0.001 * grad**2
            step = (m[i] / (1 - 0.9**t)) / (np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)
            params[i] = params[i] - lr * step
    return params


def test_partial_fit_is_adam_over_the_batches_with_its_moments_kept(X):
    estimator = small(lr=0.02)
    begun = small(optimizer="adam", lr=1e-30, batch_size="full", steps=1).fit(X[BATCHES[0]])
    start = list(map(np.float64, params_of(begun)))
    expected = adam(X, BATCHES, *start)
    for found, wanted in zip(params_of(steps(estimator, X, BATCHES)), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5)
    assert estimator.n_steps_ == 6


PLAIN, STANDARD, AVERAGED = {}, {"normalize": "standard"}, {"rho_hat": "ema"}
CASES = [(optimizer, params) for optimizer in [None, "adam", "sgd"] for params in [PLAIN, STANDARD, AVERAGED]]


@pytest.mark.parametrize(("optimizer", "params"), [*CASES, ("sgd", {"momentum": 0.5})])
def test_partial_fit_goes_on_with_the_same_bits_after_pickle(X, optimizer, params):
    whole = steps(small(optimizer=optimizer, **params), X, BATCHES)
    half = steps(small(optimizer=optimizer, **params), X, BATCHES[:3])
    for copied in [pickle.loads(pickle.dumps(half)), copy.deepcopy(half)]:
        assert same_bits(params_of(copied), params_of(half))
        assert copied.get_params() == half.get_params() and copied.summary_ == half.summary_
        assert same_bits(params_of(steps(copied, X, BATCHES[3:])), params_of(whole))
    # What was copied is another one.
    assert half.n_steps_ == 3
    # Without the moments it would be another run.
    fresh = small(optimizer=optimizer, **params)
    assert not same_bits(params_of(steps(fresh, X, BATCHES[3:])), params_of(whole))


def test_partial_fit_begins_where_fit_has_ended(X):
    for optimizer in ["lbfgs", "adam"]:
        fitted = small(optimizer=optimizer, steps=40).fit(X)
        before = params_of(fitted)
        fitted.set_params(optimizer="adam", lr=1e-30).partial_fit(X[:50])
        assert same_bits(params_of(fitted), before), optimizer
        assert fitted.n_steps_ == (41 if optimizer == "adam" else 1)


def test_partial_fit_refuses_what_it_cannot_do(X):
    with pytest.raises(ValueError, match="'lbfgs' needs all rows"):
        small(optimizer="lbfgs").partial_fit(X)
    estimator = small().partial_fit(X)
    with pytest.raises(ValueError, match="13"):
        estimator.partial_fit(X[:, :5])
    with pytest.raises(ValueError, match="`n_components` 4: the run that is gone on with has 9"):
        estimator.set_params(n_components=4).partial_fit(X)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
def test_fit_more_has_the_bits_of_a_longer_run(X, optimizer):
    params = {"optimizer": optimizer, "keep_search": True}
    if optimizer != "lbfgs":
        params |= {"schedule": "constant", "batch_size": 64, "lr": 0.02}
    whole = small(steps=50, **params).fit(X)
    half = pickle.loads(pickle.dumps(small(steps=20, **params).fit(X)))
    assert same_bits(params_of(half.fit_more(X, 30)), params_of(whole))
    assert half.n_steps_ == 50


def test_the_search_is_left_out_unless_it_is_wanted(X):
    lean, full = (pickle.dumps(small(optimizer="lbfgs", keep_search=keep).fit(X)) for keep in [False, True])
    assert len(full) > 2 * len(lean)
    fit_more = pickle.loads(lean).fit_more(X, 20)
    assert fit_more.evaluate(X)["j"] < small(optimizer="lbfgs").fit(X).evaluate(X)["j"]


def test_a_model_from_a_file_is_pickled_and_has_no_state(X, tmp_path):
    small(steps=3).fit(X).save(tmp_path / "m.safetensors")
    loaded = pickle.loads(pickle.dumps(SparseAutoencoder.load(tmp_path / "m.safetensors", device="cpu")))
    assert loaded.transform(X).shape == (300, 9)
    with pytest.raises(ValueError, match="no state to go on from"):
        loaded.partial_fit(X)


def test_damaged_bytes_are_refused(X):
    from rhohat import _rhohat

    whole = steps(small(), X, BATCHES[:2])._core.to_bytes()
    assert _rhohat.Fitted.from_bytes(whole, None).to_bytes() == whole
    generator = np.random.default_rng(0)
    # Numbers of the model are not hashed in its file; everything else is told.
    for cut in [0, 7, 8, 15, 100, len(whole) // 2, len(whole) - 1]:
        with pytest.raises(ValueError):
            _rhohat.Fitted.from_bytes(whole[:cut], None)
    for at in generator.integers(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << generator.integers(8)
        try:
            _rhohat.Fitted.from_bytes(bytes(damaged), None)
        except ValueError:
            pass
