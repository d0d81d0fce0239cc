import os
import signal
import threading

import pytest

from ppgan_ext.interrupts import deferred_interrupt


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


def test_it_is_told_once():
    with deferred_interrupt() as check:
        press()
        with pytest.raises(KeyboardInterrupt):
            check()
        check()


def test_without_a_last_check_it_comes_at_the_end():
    with pytest.raises(KeyboardInterrupt), deferred_interrupt():
        press()


def test_the_second_ctrl_c_is_not_held_back():
    reached = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupt():
        press()
        reached.append("first")
        press()
        reached.append("second")
    assert reached == ["first"]


def test_somebody_elses_handler_is_left_alone():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("theirs"))
    try:
        with deferred_interrupt() as check:
            press()
            check()
        assert heard == ["theirs"]
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


def test_termination_is_a_first_ctrl_c_however_often_it_comes():
    before = signal.getsignal(signal.SIGTERM)
    reached = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupt(terminate=True) as check:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        press()  # the terminal's, beside the launcher's
        reached.append("after the signals")
        check()
        reached.append("never")
    assert reached == ["after the signals"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_termination_is_heard_where_ctrl_c_is_ignored():
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
