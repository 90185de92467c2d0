"""The estimator by itself: shapes, types, errors, files."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import params_of, same_bits, small, waves
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from rhohat import DeviceError, DivergedError, Progress, SparseAutoencoder


def test_codes_are_the_formula_over_the_attributes(X):
    estimator = small().fit(X)
    w1, b1, d, b2 = map(np.float64, params_of(estimator))
    codes = 1 / (1 + np.exp(-(X @ w1.T + b1)))
    np.testing.assert_allclose(estimator.transform(X), codes, atol=1e-6)
    rows = 1 / (1 + np.exp(-(codes @ d + b2)))
    np.testing.assert_allclose(estimator.reconstruct(X), rows, atol=1e-6)
    np.testing.assert_allclose(estimator.inverse_transform(estimator.transform(X)), rows, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("form", ["C", "F", "strided", "frame", "list"])
def test_rows_of_any_type_and_order_are_the_same_rows(dtype, form):
    rows = waves(120, 8)
    rows = (rows * 255).astype(np.uint8) if dtype == np.uint8 else rows.astype(dtype)
    forms = {
        "C": rows,
        "F": np.asfortranarray(rows),
        "strided": np.repeat(rows, 2, axis=0)[::2],
        "frame": pd.DataFrame(rows, columns=[f"x{i}" for i in range(8)]),
        "list": rows.tolist(),
    }
    settings = {"divide": 255, "steps": 5} if dtype == np.uint8 else {"steps": 5}
    plain = small(**settings).fit(rows.astype(np.float64))
    assert same_bits(params_of(small(**settings).fit(forms[form])), params_of(plain))


def test_rows_are_left_as_they_were(X):
    before = X.copy()
    X.setflags(write=False)
    small(steps=3, normalize="standard").fit(X).transform(X)
    assert np.array_equal(X, before)


def test_names_of_features_go_in_and_out(X):
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(13)])
    estimator = small(steps=2).set_output(transform="pandas").fit(frame)
    assert list(estimator.get_feature_names_out()[:2]) == ["sparseautoencoder0", "sparseautoencoder1"]
    assert list(estimator.transform(frame).columns) == list(estimator.get_feature_names_out())
    with pytest.raises(ValueError, match="feature names"):
        estimator.transform(frame.rename(columns={"x0": "y"}))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"rho": 2.0}, "`rho` 2"),
        ({"n_components": 0}, "n_components"),
        ({"weight_decay": -1.0}, "`weight_decay`"),
        ({"optimizer": "adagrad"}, "optimizer"),
        ({"beta": float("nan")}, "`beta` nan"),
        ({"random_state": -1}, "`random_state` -1"),
        ({"threads": 0}, "`threads` 0"),
        ({"batch_size": 10}, "`batch_size`"),
        ({"whitening": "olshausen"}, "whiten"),
    ],
)
def test_what_is_wrong_with_parameters_is_said_by_their_names(X, params, words):
    with pytest.raises(ValueError, match=words):
        small(**params).fit(X)


def test_a_device_that_is_not_there_is_an_error_of_its_own(X):
    with pytest.raises(DeviceError, match="`device` nonsense"):
        small(device="nonsense").fit(X)


def test_numbers_that_are_not_finite_are_refused(X):
    X[3, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        small().fit(X)
    # The same beyond the reach of 32 bits, which scikit-learn does not know of.
    wide = waves(20, 4, np.float64)
    wide[3, 2] = 1e300
    with pytest.raises(ValueError, match="row 3, column 2"):
        small().fit(wide)


def test_divergence_is_an_error_of_its_own(X):
    estimator = small(optimizer="sgd", lr=1e30, output="linear", steps=50)
    with pytest.raises(DivergedError, match="diverged at step"):
        estimator.fit(X)
    assert not hasattr(estimator, "components_")


def test_without_fit_nothing_is_there(X, tmp_path):
    for call in [small().transform, small().inverse_transform, small().score, small().evaluate]:
        with pytest.raises(NotFittedError):
            call(X)
    with pytest.raises(FileNotFoundError):
        SparseAutoencoder.load(tmp_path / "none.safetensors")


def test_callbacks_hear_every_iteration_and_stop(X):
    heard = []
    small(callbacks=heard.append).fit(X)
    assert [progress.step for progress in heard] == list(range(1, 31))
    assert all(isinstance(progress, Progress) for progress in heard)
    last = heard[-1]
    assert last.j == pytest.approx(last.reconstruction + last.decay + last.kl)
    stopped = small(callbacks=[lambda progress: progress.step == 7, heard.append]).fit(X)
    assert stopped.n_steps_ == 7 and stopped.summary_["ended"] == "stopped"


def test_an_exception_of_a_callback_is_raised(X):
    def fails(progress):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        small(callbacks=fails).fit(X)


def test_verbose_prints_reports(X, capsys):
    small(verbose=2, steps=3).fit(X)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_warning_of_the_library_is_one_of_python(X):
    with pytest.warns(UserWarning, match="sigmoid"):
        small(steps=2, output="sigmoid").fit(10 * X)


def test_random_state_is_a_seed_or_draws_one(X):
    one, same, other = (small(steps=3, random_state=seed).fit(X) for seed in [1, 1, 2])
    assert same_bits(params_of(one), params_of(same))
    assert not same_bits(params_of(one), params_of(other))
    drawn = [small(steps=3, random_state=np.random.RandomState(5)).fit(X) for _ in range(2)]
    assert same_bits(*map(params_of, drawn))
    anew = [small(steps=3, random_state=None).fit(X) for _ in range(2)]
    assert not same_bits(*map(params_of, anew))


def test_score_is_the_variance_that_is_explained(X):
    estimator = small(steps=100).fit(X)
    residual = ((X - estimator.reconstruct(X)) ** 2).sum()
    explained = 1 - residual / ((X - X.mean(axis=0)) ** 2).sum()
    assert estimator.score(X) == pytest.approx(explained, abs=1e-5)
    assert estimator.evaluate(X)["j"] == pytest.approx(estimator.summary_["j"], rel=1e-5)


def test_a_search_over_rho_and_beta_in_a_pipeline(X):
    pipeline = make_pipeline(MinMaxScaler(clip=True), small(steps=20))
    grid = {"sparseautoencoder__rho": [0.05, 0.3], "sparseautoencoder__beta": [0.1, 3.0]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and len(set(scores)) == 4
    assert search.transform(X).shape == (300, 9)


@pytest.mark.parametrize("params", [{}, {"normalize": "standard"}, {"whitening": "pca", "variance": 0.9}])
def test_a_model_file_is_the_estimator_again(X, tmp_path, params):
    estimator = small(steps=5, **params).fit(X)
    estimator.save(tmp_path / "model.safetensors")
    loaded = SparseAutoencoder.load(tmp_path / "model.safetensors", device="cpu")
    assert same_bits(params_of(loaded), params_of(estimator))
    assert loaded.transform(X).tobytes() == estimator.transform(X).tobytes()
    assert loaded.reconstruct(X).tobytes() == estimator.reconstruct(X).tobytes()
    assert loaded.n_features_in_ == 13
    for name, value in {"n_components": 9, "rho": 0.1, "beta": 3.0, "device": "cpu", **params}.items():
        assert getattr(loaded, name) == pytest.approx(value), name
    # What was read is enough to train the same again.
    again = clone(loaded).set_params(steps=5).fit(X)
    assert same_bits(params_of(again), params_of(estimator))


def test_features_are_drawn_in_the_form_of_pictures(tmp_path):
    estimator = small(steps=2, shape=(4, 3)).fit(waves(50, 12))
    estimator.save_features(tmp_path / "features.png")
    assert (tmp_path / "features.png").read_bytes().startswith(b"\x89PNG")


def test_the_summary_is_that_of_the_command(X):
    summary = small(steps=4).fit(X).summary_
    assert summary["hidden"] == 9 and summary["steps"] == 4 and summary["examples"] == 300
    json.dumps(summary)
