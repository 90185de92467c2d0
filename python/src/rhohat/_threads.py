"""The threads of a fit: its share of the cores."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from . import _rhohat

_lock = threading.Lock()
_running = 0

# What is asked of other libraries is asked of this one: joblib sets these in its workers to each one's share.
_VARIABLES = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS")


def available() -> int:
    """Threads of this process: what RAYON_NUM_THREADS or OMP_NUM_THREADS say, else one a core that it may use."""
    for name in _VARIABLES:
        text = os.environ.get(name, "").split(",")[0].strip()
        if text.isdecimal() and int(text) > 0:
            return int(text)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


@contextmanager
def share(asked: int | None) -> Iterator[int]:
    """How many threads a fit takes: those that were asked for, else what there is, divided by the fits of this process."""
    global _running
    if asked is not None and asked < 1:
        raise ValueError(f"`threads` {asked}: at least one is needed; leave it out for one a core")
    with _lock:
        _running += 1
        threads = asked or max(1, available() // _running)
    try:
        _rhohat.set_threads(available())
        yield threads
    finally:
        with _lock:
            _running -= 1
