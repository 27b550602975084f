"""`python -m kohya_train --config job.json [--stop-with-parent]`: train, and tell it as JSON lines on standard output.

Nothing else ever reaches standard output: what libraries print goes to standard error. Exit codes: 0 done,
1 failed (the last event says why), 2 the configuration cannot be read, 3 the parent process is gone.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from kohya_train import processes
from kohya_train.contract import STOP_WITH_PARENT, BadConfig, Done, Started, TrainConfig, TrainerEvent, encode, failed
from kohya_train.imports import compiler_on_demand, import_classes, short_imports

_log = logging.getLogger("kohya_train")

FAILED, UNREADABLE, ORPHANED = processes.FAILED, 2, 3

ENVIRONMENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    # Threads that spin while they wait steal the cores from those they wait for: on two cores with other work
    # a step took 9 s spinning and 2.4 s sleeping.
    "OMP_WAIT_POLICY": "passive",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def apply_environment() -> None:
    """Set `ENVIRONMENT`; it is read by libraries when they are loaded. What the user has set stays."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def main(arguments: list[str] | None = None) -> int:
    """Run the trainer as the command line says; its exit code."""
    apply_environment()
    parser = argparse.ArgumentParser(prog="kohya_train", description="Train a LoRA as one JSON file says.")
    parser.add_argument("file", type=Path, nargs="?", help="a TrainConfig as JSON (docs/trainer.md)")
    parser.add_argument("--config", type=Path, help="the same")
    parser.add_argument(STOP_WITH_PARENT, action="store_true", help="end when standard input is closed")
    asked = parser.parse_args(arguments)
    file = asked.config or asked.file
    if file is None:
        parser.error("name the configuration: --config job.json")
    channel = _private_stdout()
    report = _say_nothing if processes.rank() else _reporter(channel)
    form = f"%(asctime)s {processes.rank() or ''} %(name)s %(message)s"
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=form)
    if asked.stop_with_parent:
        threading.Thread(target=_stop_with_parent, args=(os.dup(0),), name="parent-watch", daemon=True).start()
    try:
        config = TrainConfig.read(file)
    except (BadConfig, OSError) as problem:
        report(failed("config", problem))
        return UNREADABLE
    if processes.processes_to_start(config) > 1:
        return processes.launch(file, config, report, channel.fileno())
    return _run(config, report)


def _run(config: TrainConfig, report: Callable[[TrainerEvent], None]) -> int:
    begun = time.perf_counter()
    report(Started(os.getpid(), config.steps))
    _log.info("training %s for %d steps on %s", config.family, config.steps, config.base_model)
    try:
        with compiler_on_demand():
            with short_imports(processes.group_size()):
                from kohya_train.loop import train

                import_classes(config.family)
            train(config, report)
    except Exception as problem:  # the process boundary: every failure becomes an event and an exit code
        cause = problem.__cause__ or problem
        _log.exception("the training failed")
        told = failed(getattr(problem, "stage", "start"), cause)
        processes.note_failure(told)
        report(told)
        return FAILED
    report(Done(round(time.perf_counter() - begun, 3)))
    return 0


def _private_stdout() -> IO[str]:
    """Standard output for events alone; file descriptor 1 becomes standard error for everybody else."""
    sys.stdout.flush()
    channel = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return channel


def _reporter(channel: IO[str]) -> Callable[[TrainerEvent], None]:
    lock = threading.Lock()

    def report(event: TrainerEvent) -> None:
        line = encode(event)
        _log.info("%s", line if len(line) < 500 else line[:500] + "...")
        try:
            with lock:
                channel.write(line + "\n")
                channel.flush()
        except OSError:  # nobody reads any more
            os._exit(ORPHANED)

    return report


def _say_nothing(event: TrainerEvent) -> None:
    _log.debug("%s", event)


def _stop_with_parent(source: int) -> None:
    # A blocking read ends when the last writer of the pipe is gone: on every system, after every kind of death.
    try:
        while os.read(source, 4096):
            pass
    except OSError:
        _log.warning("standard input is unreadable")
    os._exit(ORPHANED)


if __name__ == "__main__":
    sys.exit(main())
