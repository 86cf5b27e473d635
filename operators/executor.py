"""Airflow's LocalExecutor, ending with its scheduler when one of its workers is killed.

The workers take their tasks from one queue, and the worker that waits for the next task holds the queue's lock. If
that worker is killed (the kernel does so when memory runs out), nobody ever releases the lock: all others wait for
ever, while everything looks healthy. A worker that is killed with a task takes the task along, which nobody notices
before its heartbeat is late. So when a worker dies, the scheduler ends at once; who supervises it, Kubernetes or
`make up`, starts it again with a new queue and new workers.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Collection

from airflow.executors import local_executor

EXIT_CODE = 70  # "internal software error" of sysexits.h
EVERY = 0.5


# The name is one that Airflow knows as that of an executor on one machine.
class LocalExecutor(local_executor.LocalExecutor):
    """As Airflow's, for a scheduler that is started again when it has ended."""

    def start(self) -> None:
        """Start the workers and watch over them."""
        self._is_ending = False
        super().start()
        # Started after the workers, which are forks and would be without it.
        threading.Thread(target=self._watch, args=(list(self.workers),), name="watch-workers", daemon=True).start()

    def end(self) -> None:
        """Stop the workers, whose ends are no accidents from now on."""
        self._is_ending = True
        super().end()

    def tell(self, text: str) -> None:
        """Say why the scheduler ends, to whoever reads it besides the log."""

    def _watch(self, workers: Collection[int]) -> None:
        """End this process when one of the workers has ended.

        In a thread, since the scheduler itself may wait for a lock that the dead worker held. It does not clean up:
        that would wait for the other workers. They end with the container, or by their keeper.
        """
        while not self._is_ending:
            for pid in workers:
                if (death := how_it_died(pid)) and not self._is_ending:
                    text = f"worker {pid} of the executor {death}; tasks would wait for a lock that it held"
                    logging.getLogger(__name__).error("%s: the scheduler ends, to be started again", text)
                    self.tell(text)
                    os._exit(EXIT_CODE)
            time.sleep(EVERY)


def how_it_died(pid: int) -> str:
    """How this child of ours ended, in words; empty while it runs. Does not take its status from who waits for it."""
    try:
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return "has ended"  # and somebody else has taken its status
    if result is None:
        return ""
    if result.si_code == os.CLD_EXITED:
        return f"ended with exit code {result.si_status}"
    return f"was killed by {signal.Signals(result.si_status).name}"
