"""scikit-learn's own checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from rhohat import SparseAutoencoder

# Checks that fail, and why they have to.
EXPECTED = {}

ESTIMATOR = SparseAutoencoder(device="cpu", steps=20)


@parametrize_with_checks([ESTIMATOR], expected_failed_checks=lambda _: EXPECTED)
def test_a_check_of_scikit_learn(estimator, check):
    check(estimator)


def test_checks_that_are_expected_to_fail_do():
    results = check_estimator(ESTIMATOR, expected_failed_checks=EXPECTED, on_fail=None)
    failed = {result["check_name"] for result in results if result["status"] in {"failed", "xfail"}}
    assert failed == set(EXPECTED), [str(result["exception"]) for result in results if result["status"] == "failed"]
    assert len(results) > 40


@pytest.mark.parametrize("params", [{"optimizer": "adam"}, {"normalize": "standard"}, {"whitening": "zca"}])
def test_all_checks_with_other_parameters(params):
    estimator = SparseAutoencoder(device="cpu", steps=20, **params)
    results = check_estimator(estimator, expected_failed_checks=EXPECTED, on_fail=None)
    failed = {result["check_name"]: str(result["exception"]) for result in results if result["status"] == "failed"}
    assert not failed
