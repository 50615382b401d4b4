# SPDX-License-Identifier: BSD-3-Clause
"""
Waiting for a frame, and proving that none came.

That something does not arrive cannot be shown by waiting: a late frame proves the test wrong, and the waiting makes it
slow. It is shown by a fence: send, after the frames in question and along the same way, a frame that must arrive at the
same place; the switch keeps order, so when the fence is there and the unwanted frame was not before it, it never comes.
"""

import time
from collections import deque

from .process import LabError


class Frame(bytes):
    """One received frame; `ns` is when, on the clock of time.monotonic_ns()."""

    ns = 0

    @classmethod
    def at(cls, data, ns):
        frame = cls(data)
        frame.ns = ns
        return frame


class Inbox:
    """
    Frames in the order in which they came. Subclasses define _receive(timeout): wait at most that many seconds for input,
    put what came into self.frames, and `name`.
    """

    name = "inbox"

    def __init__(self):
        self.frames = deque()

    def _receive(self, timeout):
        raise NotImplementedError

    def recv(self, timeout=5.0):
        """The next frame, or None if none comes in time."""
        end = time.monotonic() + timeout
        while not self.frames:
            left = end - time.monotonic()
            if left < 0:
                return None
            self._receive(left)
        return self.frames.popleft()

    def drain(self):
        """Everything that is here by now, as a list; the inbox is empty then."""
        before = -1
        while len(self.frames) != before:
            before = len(self.frames)
            self._receive(0)
        frames = list(self.frames)
        self.frames.clear()
        return frames

    def expect(self, predicate, timeout=5.0, what=None):
        """The first frame of which predicate(frame) is true; those before it are dropped. LabError if none comes."""
        return self.collect(predicate, timeout, what)[-1]

    def collect(self, until, timeout=5.0, what=None):
        """All frames up to and including the first of which until(frame) is true."""
        end = time.monotonic() + timeout
        seen = []
        while True:
            frame = self.recv(max(0.0, end - time.monotonic()))
            if frame is None:
                raise LabError(f"{self.name}: not within {timeout:g} s: {what or describe(until)}; "
                               f"came instead: {summary(seen)}")
            seen.append(frame)
            if until(frame):
                return seen

    def expect_none(self, predicate, fence, send_fence=None, timeout=5.0, what=None):
        """
        No frame of which predicate(frame) is true before the first of which fence(frame) is. `send_fence` is called
        first, if given. Returns the other frames that came before the fence.
        """
        if send_fence is not None:
            send_fence()
        seen = self.collect(fence, timeout, f"the fence ({describe(fence)})")
        unwanted = [frame for frame in seen[:-1] if predicate(frame)]
        if unwanted:
            raise LabError(f"{self.name}: came, and must not: {what or describe(predicate)}: {summary(unwanted)}")
        return seen[:-1]


def describe(predicate):
    return getattr(predicate, "what", None) or getattr(predicate, "__name__", "frame")


def summary(frames, n_shown=8):
    """Frames in words, for an error message."""
    from .frames import look

    if not frames:
        return "nothing"
    text = "; ".join(str(look(frame)) for frame in frames[:n_shown])
    return text + (f"; and {len(frames) - n_shown} more" if len(frames) > n_shown else "")
