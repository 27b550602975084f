"""What to do about a training that failed: by what the trainer raised, by what libraries and the system write."""

from __future__ import annotations

import re
import signal

KILLED = (-signal.SIGTERM, -9, 137)
"""Exit codes of a process that another one has ended; 137 is a container's for 9."""
CAUSES = {  # by the class of what the trainer itself raised
    "BadBaseModel": "trainer.cause.base-model",
    "WrongCount": "trainer.cause.base-model",
    "SafetensorError": "trainer.cause.base-model",
    "BadData": "trainer.cause.data",
    "NotForTraining": "trainer.cause.base-model",
    "LossIsNotANumber": "trainer.cause.not-a-number",
}
UNKNOWN = "trainer.cause.unknown"
LIBRARY_CAUSES = (  # by what libraries and the system write
    (r"out of memory|DefaultCPUAllocator|bad_alloc|MemoryError|allocation of \d+ bytes failed", "trainer.cause.memory"),
    (r"No space left on device|not enough space|Disk quota exceeded", "trainer.cause.disk"),
    (r"\[Errno (13|30)\]|\(os error (13|30)\)", "trainer.cause.rights"),
    (r"Too many open files", "trainer.cause.files"),
    (r"No module named|cannot import name|ImportError", "trainer.cause.packages"),
    (r"CUDA error|CUDA driver|cuDNN", "trainer.cause.cuda"),
)


def known_cause(code: int, problem: str, lines: tuple[str, ...]) -> str:
    """The code of what to do about a failure, or of where to look when it is not a known one."""
    for text in (problem, "\n".join(lines)):
        for pattern, cause in LIBRARY_CAUSES:
            if re.search(pattern, text, re.IGNORECASE):
                return cause
    return "trainer.cause.killed" if code in KILLED else UNKNOWN
