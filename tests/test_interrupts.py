import os
import signal
import subprocess
import sys
import threading

import pytest

from ppgan_ext.console import FAILED, INTERRUPTED, run
from ppgan_ext.interrupts import deferred_interrupt, terminated_as_interrupted


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_for_the_check():
    reached = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupt() as check:
        check()
        press()
        reached.append("after the signal")
        check()
        reached.append("never")
    assert reached == ["after the signal"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_is_raised_once():
    with deferred_interrupt() as check:
        press()
        with pytest.raises(KeyboardInterrupt):
            check()
        check()


def test_without_a_last_check_it_is_raised_at_the_end():
    with pytest.raises(KeyboardInterrupt), deferred_interrupt():
        press()


def test_the_second_ctrl_c_is_not_deferred():
    reached = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupt():
        press()
        reached.append("first")
        press()
        reached.append("second")
    assert reached == ["first"]


def test_another_handler_is_left_alone():
    received = []
    before = signal.signal(signal.SIGINT, lambda *_: received.append("other handler"))
    try:
        with deferred_interrupt() as check:
            press()
            check()
        assert received == ["other handler"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_happens():
    seen = []

    def work():
        with deferred_interrupt() as check:
            check()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_termination_acts_as_a_first_ctrl_c_however_often_it_is_sent():
    before = signal.getsignal(signal.SIGTERM)
    reached = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupt(terminate=True) as check:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        press()  # from the terminal, in addition to the launcher's signals
        reached.append("after the signals")
        check()
        reached.append("never")
    assert reached == ["after the signals"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_termination_raises_at_once_where_asked():
    with pytest.raises(KeyboardInterrupt), terminated_as_interrupted():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_termination_stays_with_another_handler():
    received = []
    signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        with terminated_as_interrupted():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert received == [signal.SIGTERM]


# Paddle takes SIGTERM over when it is imported; it is imported in a thread, as the page does.
IMPORTER = """
import os, signal, threading, time
import ppgan_ext

def end(number, frame):
    raise SystemExit(7)

signal.signal(signal.SIGTERM, end)
thread = threading.Thread(target=__import__, args=["paddle"])
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(20)
"""


@pytest.mark.slow
def test_paddle_leaves_termination_to_whom_it_belonged():
    done = subprocess.run([sys.executable, "-c", IMPORTER], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_termination_is_noticed_where_ctrl_c_is_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), deferred_interrupt(terminate=True) as check:
            press()
            check()
            signal.raise_signal(signal.SIGTERM)
            check()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted_lock():
    try:
        raise KeyboardInterrupt
    finally:
        threading.RLock().release()  # RuntimeError, as where Ctrl-C has caught a lock as it was taken


def test_an_error_that_ctrl_c_has_caused_is_ctrl_c(capsys):
    assert run(interrupted_lock, debug=False, interrupted="stopped") == INTERRUPTED
    assert capsys.readouterr().err == "error: stopped\n"
    assert run(threading.RLock().release, debug=False, interrupted="stopped") == FAILED
    assert "unexpected RuntimeError" in capsys.readouterr().err
