"""The command that pip installs, and that the estimator has its bits and its defaults."""

import inspect
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from conftest import command, params_of, same_bits, waves

from rhohat import SparseAutoencoder
from rhohat._settings import _NAMES

RUNS = {
    "lbfgs": ({}, []),
    "adam": (
        {"optimizer": "adam", "batch_size": 64, "epochs": 3, "lr": 0.02},
        ["--optimizer", "adam", "--batch", 64, "--epochs", 3, "--lr", 0.02],
    ),
    "sgd": ({"optimizer": "sgd", "steps": 20, "random_state": 3}, ["--optimizer", "sgd", "--steps", 20, "--seed", 3]),
    "validation": ({"validation": 0.2, "steps": 30, "patience": 2}, ["--validation", 0.2, "--steps", 30, "--patience", 2]),
    "zca": ({"whitening": "zca", "epsilon": 0.01, "steps": 15}, ["--whitening", "zca", "--epsilon", 0.01, "--steps", 15]),
    "standard": ({"normalize": "standard", "rho_hat": "exact", "steps": 15}, ["--normalize", "standard", "--rho-hat", "exact", "--steps", 15]),
}


def trained_by_command(rows, tmp_path, *flags):
    np.save(tmp_path / "rows.npy", rows)
    command("train", tmp_path / "rows.npy", "--out", tmp_path / "run", "--device", "cpu", "-q", *flags)
    return SparseAutoencoder.load(tmp_path / "run", device="cpu")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RUNS)
def test_a_fit_has_the_bits_of_the_command(name, dtype, tmp_path):
    params, flags = RUNS[name]
    X = waves(300, dtype=dtype)
    estimator = SparseAutoencoder(9, rho=0.1, device="cpu", **params).fit(X)
    by_command = trained_by_command(X, tmp_path, "--hidden", 9, "--rho", 0.1, *flags)
    assert same_bits(params_of(estimator), params_of(by_command))
    assert estimator.transform(X).tobytes() == by_command.transform(X).tobytes()
    estimator.save(tmp_path / "model.safetensors")
    model = (tmp_path / "run" / "model.safetensors").read_bytes()
    assert (tmp_path / "model.safetensors").read_bytes() == model


def test_bytes_have_the_bits_of_the_command(tmp_path):
    X = (waves(300) * 255).astype(np.uint8)
    estimator = SparseAutoencoder(9, divide=255, steps=20, device="cpu").fit(X)
    by_command = trained_by_command(X, tmp_path, "--hidden", 9, "--divide", 255, "--steps", 20)
    assert same_bits(params_of(estimator), params_of(by_command))


def test_defaults_are_those_of_the_command(tmp_path):
    X = waves(60)
    by_default = trained_by_command(X, tmp_path, "--steps", 3)
    assert same_bits(params_of(SparseAutoencoder(steps=3, device="cpu").fit(X)), params_of(by_default))
    settings = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    settings |= settings.pop("derived")
    for name, parameter in inspect.signature(SparseAutoencoder).parameters.items():
        setting = {**_NAMES, "random_state": "seed"}.get(name, name)
        if parameter.default is None or setting not in settings or name == "device":
            continue
        assert settings[setting] == pytest.approx(parameter.default), name


def test_every_parameter_is_a_setting_of_the_command_or_named_as_no_setting(tmp_path):
    from rhohat import _settings

    text = command("train", "--help").stdout
    own = _settings._OWN - {"threads", "random_state", "verbose"}
    flags = {"shape": "shape", "rho_hat": "rho-hat", "resample": "resample", "random_state": "seed"}
    for name in inspect.signature(SparseAutoencoder).parameters:
        flag = flags.get(name, _NAMES.get(name, name)).replace("_", "-")
        assert (name in own) != (f"--{flag}" in text), name


def test_the_command_answers_like_the_binary(tmp_path):
    assert command("--version").stdout.startswith("rhohat ")
    words = [sys.executable, "-m", "rhohat", "eval", str(tmp_path / "none"), str(tmp_path / "none")]
    failed = subprocess.run(words, capture_output=True, text=True)
    assert failed.returncode == 3 and "no such file" in failed.stderr
    # The environment of the process is its own: nothing is started again.
    usage = subprocess.run([*words[:3], "train", "--nonsense"], capture_output=True, text=True)
    assert usage.returncode == 2 and "--nonsense" in usage.stderr


def test_the_script_is_installed():
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="rhohat")
    assert callable(script.load())


def test_the_command_waits_for_no_scikit_learn():
    code = "import sys, rhohat._program; sys.exit('sklearn' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
