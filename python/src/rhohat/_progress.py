"""Reports of a run while it is trained, and those who hear them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """A report: every iteration of L-BFGS, a two-hundredth of a run of SGD or Adam but every 100 updates at least.

    J and its terms are those of the new parameters for L-BFGS, of the batch before the update for SGD and Adam.
    """

    step: int
    """Updates or iterations done."""
    j: float
    """J, the sum of the three terms below."""
    reconstruction: float
    decay: float
    kl: float
    rho_hat_min: float
    """ρ̂, the mean activation, of the least active unit."""
    rho_hat_mean: float
    rho_hat_max: float
    rate: float
    """The learning rate of this update; for L-BFGS the accepted step length."""
    gradient_norm: float | None
    """‖∇J‖, where the optimiser has it at hand."""
    samples: int
    """Examples that went forward and backward so far."""
    seconds: float
    """Seconds that have been trained."""
    validation_j: float | None
    """J over held-out examples at the last look at them."""


Callback = Callable[[Progress], Any]


class Printer:
    """Prints a line at most every so many seconds, and the first and the last reports."""

    def __init__(self, every: float) -> None:
        self.every = every
        self.last = None

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if self.last is None or now - self.last >= self.every:
            self.last = now
            validation = "" if progress.validation_j is None else f", validation J {progress.validation_j:.6g}"
            print(
                f"[rhohat] step {progress.step}: J {progress.j:.6g} = reconstruction {progress.reconstruction:.6g} "
                f"+ decay {progress.decay:.6g} + kl {progress.kl:.6g}, rho_hat {progress.rho_hat_mean:.4g}"
                f"{validation}, {progress.seconds:.1f} s",
                flush=True,
            )


def listener(callbacks: Callback | Iterable[Callback] | None, verbose: int) -> Callable[[dict[str, Any]], bool] | None:
    """One function for all who hear a report; None where nobody does. It tells whether one of them stops the run."""
    if callbacks is None:
        all_callbacks: list[Callback] = []
    elif callable(callbacks):
        all_callbacks = [callbacks]
    else:
        all_callbacks = list(callbacks)
    for callback in all_callbacks:
        if not callable(callback):
            raise TypeError(f"callbacks: {callback!r} cannot be called; give functions of a Progress")
    if verbose:
        all_callbacks.append(Printer(1.0 if verbose == 1 else 0.0))
    if not all_callbacks:
        return None

    def hear(report: dict[str, Any]) -> bool:
        progress = Progress(**report)
        # All of them are asked, whoever stops.
        return any([bool(callback(progress)) for callback in all_callbacks])

    return hear
