"""Times of steps within a process, and of whole processes with their peak memory."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

POLL_SECONDS = 0.1


@dataclass
class Step:
    """A part of a run; memory is the most that the process held meanwhile."""

    started: float = 0.0
    cpu: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    query_seconds: float = 0.0
    peak_mb: int = 0


@dataclass
class Clock:
    """Wall and processor time of named steps, which may overlap.

    `seconds` is from the start of the first step to the end of the last one; processor
    time of a step is the process's, so of all steps that overlap.
    """

    steps: dict[str, Step] = field(default_factory=dict)
    first: tuple[float, float] | None = None
    last: tuple[float, float] = (0.0, 0.0)
    running: set[str] = field(default_factory=set)

    def start(self, name: str) -> None:
        """A step begins."""
        now = (time.monotonic(), time.process_time())
        if self.first is None:
            self.first = now
            threading.Thread(target=self._sample, daemon=True).start()
        self.steps[name] = Step(*now)
        self.running.add(name)

    def stop(self, name: str) -> None:
        """A step ends."""
        self.last = (time.monotonic(), time.process_time())
        self.running.discard(name)
        step = self.steps[name]
        step.seconds = self.last[0] - step.started
        step.cpu_seconds = self.last[1] - step.cpu

    @property
    def seconds(self) -> float:
        """Wall time of all steps together."""
        return self.last[0] - self.first[0] if self.first else 0.0

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all steps together."""
        return self.last[1] - self.first[1] if self.first else 0.0

    def _sample(self) -> None:
        while True:
            held = resident_mb(os.getpid())
            for name in list(self.running):
                self.steps[name].peak_mb = max(self.steps[name].peak_mb, held)
            time.sleep(POLL_SECONDS / 2)


@dataclass(frozen=True)
class Process:
    """How a finished process did, as the operating system counts it."""

    status: str
    seconds: float
    cpu_seconds: float
    peak_mb: int
    output: str


def resident_mb(process: int) -> int:
    """Memory that a process holds now; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


def run_process(
    command: Sequence[str], memory_mb: int, seconds: float, environment: dict[str, str]
) -> Process:
    """Runs a command to its end, or ends it where it takes more memory or time."""
    started = time.monotonic()
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    stopped: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(POLL_SECONDS):
            if resident_mb(child.pid) > memory_mb:
                stopped.append(f"more than {memory_mb} MB")
            elif time.monotonic() - started > seconds:
                stopped.append(f"more than {seconds:.0f} s")
            if stopped:
                child.kill()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output = child.stdout.read() if child.stdout else ""
    _, status, usage = os.wait4(child.pid, 0)
    ended.set()
    watcher.join()
    child.returncode = os.waitstatus_to_exitcode(status)
    if stopped:
        outcome = stopped[0]
    else:
        outcome = "done" if child.returncode == 0 else f"exit code {child.returncode}"
    return Process(
        status=outcome,
        seconds=time.monotonic() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        # Of the largest process; kilobytes on Linux.
        peak_mb=usage.ru_maxrss // 1024,
        output=output,
    )
