"""The clock of the test build (tests/scaled/): hours of a cutover in seconds of a test.

    with ScaledClock(60) as clock, Sandbox(config) as sb: ...   # both programs now live sixty seconds a second
        clock.rate(240); clock.now_us(); clock.wait_us(us)

All programs of the test map one small file, so they have the same time. What counts in the kernel's seconds goes on doing so:
libcurl's time-outs, and the test's own patience."""
import mmap
import os
import struct
import tempfile
import time

from sandbox import BUILD

PAGE = struct.Struct("<Qqqqq")  # turn (odd: being written), from, boottime, wall clock, thousandths of a second a second


def kernel_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


class ScaledClock:
    def __init__(self, rate):
        for name in ("sluice", "sluice-sandbox"):
            if not os.access(os.path.join(BUILD, "tests/scaled", name), os.X_OK):
                raise SystemExit("1..0 # SKIP tests/scaled/%s is not built" % name)
        fd, self.path = tempfile.mkstemp(prefix="clock-")
        os.ftruncate(fd, PAGE.size)
        self.map = mmap.mmap(fd, PAGE.size)
        os.close(fd)
        self.turn, self.anchor = 0, (kernel_us(), kernel_us(), time.time_ns() // 1000, rate * 1000)
        self._write(*self.anchor)

    def __enter__(self):
        # Ten seconds of a disk's patience are less than one of the kernel's here: where memory can hold the journal, it does.
        if os.access("/dev/shm", os.W_OK):
            tempfile.tempdir = "/dev/shm"
        os.environ.update(SLUICE_TEST_CLOCK=self.path, SLUICE_BIN=os.path.join(BUILD, "tests/scaled/sluice"),
                          SLUICE_SANDBOX_BIN=os.path.join(BUILD, "tests/scaled/sluice-sandbox"))
        return self

    def __exit__(self, *_):
        tempfile.tempdir = None
        for name in ("SLUICE_TEST_CLOCK", "SLUICE_BIN", "SLUICE_SANDBOX_BIN"):
            os.environ.pop(name, None)
        self.map.close()
        os.unlink(self.path)

    def _write(self, *anchor):
        self.turn += 1
        self.map[:8] = struct.pack("<Q", self.turn)
        self.map[8:] = PAGE.pack(0, *anchor)[8:]
        self.turn += 1
        self.map[:8] = struct.pack("<Q", self.turn)
        self.anchor = anchor

    def _at(self, us):
        start, boot, wall, rate = self.anchor
        return boot + (us - start) * rate // 1000, wall + (us - start) * rate // 1000

    def rate(self, rate):
        """From now on a second of the kernel is `rate` seconds."""
        now = kernel_us()
        self._write(now, *self._at(now), int(rate * 1000))

    def now_us(self):
        """The boottime that the programs see, microseconds."""
        return self._at(kernel_us())[0]

    def wall(self):
        """Their wall clock, Unix seconds."""
        return self._at(kernel_us())[1] / 1e6
