"""Signals to the process, heard in the event loop; Windows has few of them and asyncio hears none there, so Python's own handlers do."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterable

END = ("SIGTERM", "SIGINT", "SIGBREAK")  # what ends a program: a service manager, Ctrl-C, Ctrl-Break on Windows
AGAIN = "SIGHUP"  # a terminal that has gone, or somebody who wants files to be read again; Windows has none


def there_are(names: Iterable[str]) -> tuple[signal.Signals, ...]:
    """List those of these signals that this system has and that nobody has switched off, as nohup and a shell's background do."""
    known = [signal.Signals(getattr(signal, name)) for name in names if hasattr(signal, name)]
    return tuple(each for each in known if signal.getsignal(each) != signal.SIG_IGN)


def hear(signals: Iterable[signal.Signals], act: Callable[[], object]) -> Callable[[], None]:
    """Have `act` called in the running loop whenever one of these signals comes. Returns what makes it as it was before."""
    loop, undo = asyncio.get_running_loop(), list[Callable[[], None]]()
    for each in signals:
        try:
            loop.add_signal_handler(each, act)
            undo.append(lambda each=each: _forget(loop, each))  # type: ignore[misc]
        except NotImplementedError:  # Windows
            before = signal.signal(each, lambda *_: loop.call_soon_threadsafe(act))
            undo.append(lambda each=each, before=before: _restore(each, before))  # type: ignore[misc]

    def undone() -> None:
        for step in undo:
            step()

    return undone


def _forget(loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
    loop.remove_signal_handler(number)


def _restore(number: signal.Signals, before: "Callable[..., object] | int | signal.Handlers | None") -> None:
    signal.signal(number, before)


def hear_close(descriptor: int, act: Callable[[], object]) -> Callable[[], None]:
    """Have `act` called in the running loop once this stream has ended; what comes before is dropped. Returns what stops that."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(descriptor, lambda: os.read(descriptor, 1 << 10) or act())
        return lambda: _unread(loop, descriptor)
    except NotImplementedError:  # Windows
        stopped = threading.Event()
        threading.Thread(target=_drain, args=(descriptor, loop, stopped, act), daemon=True).start()
        return stopped.set


def _drain(descriptor: int, loop: asyncio.AbstractEventLoop, stopped: threading.Event, act: Callable[[], object]) -> None:
    while os.read(descriptor, 1 << 10):
        pass
    if not stopped.is_set():
        loop.call_soon_threadsafe(act)


def _unread(loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
    loop.remove_reader(descriptor)


def terminals() -> tuple[int, ...]:
    """List which of the standard streams are a terminal."""
    return tuple(descriptor for descriptor in range(3) if os.isatty(descriptor))


def gone(before: Iterable[int]) -> bool:
    """Whether a stream that was a terminal is none any more: its window was closed, and SIGHUP means the end."""
    return any(not os.isatty(descriptor) for descriptor in before)
