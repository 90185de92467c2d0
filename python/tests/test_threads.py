"""Threads: shares of cores, two at once, signals."""

import os
import signal
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
from conftest import params_of, same_bits, small, waves

from rhohat import _threads


def test_threads_are_those_of_the_variables_else_one_a_core(monkeypatch):
    monkeypatch.delenv("RAYON_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert _threads.available() == len(os.sched_getaffinity(0))
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert _threads.available() == 3
    monkeypatch.setenv("RAYON_NUM_THREADS", "5")
    assert _threads.available() == 5
    for nonsense in ["0", "", "many", "-1"]:
        monkeypatch.setenv("RAYON_NUM_THREADS", nonsense)
        assert _threads.available() == 3


def test_fits_at_once_share_the_cores(monkeypatch):
    monkeypatch.setenv("RAYON_NUM_THREADS", "8")
    with _threads.share(None) as one, _threads.share(None) as two, _threads.share(6) as own:
        assert (one, two, own) == (8, 4, 6)
        with _threads.share(None) as four:
            assert four == 2
    with _threads.share(None) as alone:
        assert alone == 8


def engine_threads():
    """Threads of this process, while a fit of its own runs."""
    counts, before = [], len(os.listdir("/proc/self/task"))

    def count(progress):
        counts.append(len(os.listdir("/proc/self/task")))

    small(steps=20, callbacks=count).fit(waves(2000))
    return max(counts) - before


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_of_joblib_take_their_share(workers):
    # Each in a process of its own, whose variables joblib sets: cores are as many as it thinks, whatever this machine has.
    with joblib.parallel_config(backend="loky", inner_max_num_threads=max(1, 4 // workers)):
        jobs = joblib.Parallel(n_jobs=workers)(joblib.delayed(engine_threads)() for _ in range(workers))
    share = max(1, 4 // workers)
    # The engine's own, those that read and prepare rows, and one that reads ahead.
    assert all(share <= more <= 2 * share + 1 for more in jobs), jobs


def test_any_number_of_threads_has_the_same_bits():
    X = waves(1000, 40)
    fits = [params_of(small(threads=threads).fit(X)) for threads in [1, 2, 3]]
    assert same_bits(fits[0], fits[1]) and same_bits(fits[0], fits[2])


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_two_estimators_in_two_threads_are_as_alone(optimizer):
    X = waves(2000, 30)
    estimators = [small(random_state=seed, steps=60, optimizer=optimizer) for seed in [1, 2]]
    alone = [params_of(estimator.fit(X)) for estimator in estimators]
    errors = []

    def work(estimator):
        try:
            estimator.fit(X).transform(X)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(estimator,)) for estimator in estimators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not errors
    assert all(same_bits(params_of(estimator), before) for estimator, before in zip(estimators, alone, strict=True))


def test_one_estimator_encodes_in_many_threads():
    X = waves(4000)
    estimator = small().fit(X)
    expected = estimator.transform(X)
    found = joblib.Parallel(n_jobs=4, backend="threading")(joblib.delayed(estimator.transform)(X) for _ in range(8))
    assert all(codes.tobytes() == expected.tobytes() for codes in found)


def test_the_interpreter_is_free_while_a_fit_runs():
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.002)

    thread = threading.Thread(target=tick)
    thread.start()
    started = time.monotonic()
    small(n_components=100, steps=100).fit(waves(3000, 100))
    seconds = time.monotonic() - started
    done.set()
    thread.join()
    # Held, it would tick twice: before and after.
    assert len(ticks) > 10 * seconds


SLOW = """
import signal, sys
# A shell starts what it runs in the background with signals ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from conftest import small, waves
estimator = small(n_components=64, steps=10**6, {params})
def first(progress):
    if progress.step >= 3 and not hasattr(first, "told"):
        first.told = True
        print("running", flush=True)
try:
    estimator.set_params(callbacks=first).fit(waves(4000, 64))
except KeyboardInterrupt:
    assert not hasattr(estimator, "components_")
    # It can be fitted again, and nothing is left running.
    estimator.set_params(callbacks=None, steps=2).fit(waves(100))
    sys.exit(42)
"""


@pytest.mark.parametrize("params", ["", "optimizer='adam', batch_size=100", "optimizer='sgd'"])
def test_ctrl_c_raises_keyboard_interrupt_within_a_step(params):
    words = [sys.executable, "-c", SLOW.format(params=params)]
    process = subprocess.Popen(words, cwd=os.path.dirname(__file__), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert process.wait(timeout=60) == 42
        # A step takes milliseconds; a million of them would take an hour.
        assert time.monotonic() - sent < 30
    finally:
        process.kill()


def test_a_signal_that_python_handles_does_not_end_a_fit(X):
    heard = []
    before = signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
    try:
        sender = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        sender.start()

        def lasts(progress):
            return bool(heard) or None

        stopped = small(steps=10**6, optimizer="adam", callbacks=lasts).fit(X)
        assert heard == [1] and stopped.summary_["ended"] == "stopped"
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_numbers_that_change_while_they_are_read_crash_nothing():
    X = np.array(waves(3000, 50))
    writer_ends = threading.Event()

    def write():
        generator = np.random.default_rng(0)
        while not writer_ends.is_set():
            X[generator.integers(3000)] = generator.random(50)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        small(steps=20).fit(X).transform(X)
    finally:
        writer_ends.set()
        thread.join()
