"""From the estimator's parameters to the settings of a run, under the names that they have in config.toml."""

import json
import numbers
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

# Parameters whose settings have another name.
_NAMES = {"n_components": "hidden", "weight_decay": "lambda", "batch_size": "batch", "resample": "revive"}

# Parameters that are no settings of a run.
_OWN = {"random_state", "threads", "callbacks", "verbose", "keep_search"}


def seed_of(random_state: Any) -> int:
    """The seed that a `random_state` means: an integer is one, anything else draws one."""
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool):
        if not 0 <= random_state < 2**63:
            raise ValueError(f"`random_state` {random_state}: a seed lies between 0 and 2^63 - 1")
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _plain(name: str, value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, (str, bool, np.bool_)):
        return value if isinstance(value, str) else bool(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if name == "shape" and isinstance(value, (tuple, list)):
        return "x".join(str(int(side)) for side in value)
    raise TypeError(f"`{name}` {value!r}: a number or a text is needed")


def settings_of(params: dict[str, Any], seed: int, threads: int) -> dict[str, Any]:
    """All settings that are not left to the library."""
    given = {name: value for name, value in params.items() if value is not None and name not in _OWN}
    settings = {_NAMES.get(name, name): _plain(name, value) for name, value in given.items()}
    return {**settings, "seed": seed, "threads": threads}


def as_text(settings: dict[str, Any]) -> str:
    """The text that the library reads; a number that is not finite is refused there, as any other is."""
    for name, value in settings.items():
        if isinstance(value, float) and not np.isfinite(value):
            name = {setting: name for name, setting in _NAMES.items()}.get(name, name)
            raise ValueError(f"`{name}` {value}: a finite number is needed")
    return json.dumps(settings)
