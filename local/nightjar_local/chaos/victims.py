"""Processes of a deployment that are killed or frozen."""

import contextlib
import re
import time
from dataclasses import dataclass, field

import psutil

from nightjar_local.chaos.plan import ProcessFault, Victim
from nightjar_local.deployment import Deployment
from nightjar_local.keeper import sessions
from nightjar_local.processes import LocalError, members

WORKER = "airflow worker -- LocalExecutor"
STAGE = re.compile(r"python\S* -m nightjar_(?!local)\w+ ")


@dataclass
class Hits:
    """Hits processes; those that it froze go on when their time has come, and all of them on `thaw_all`."""

    deployment: Deployment
    _frozen: list[tuple[float, psutil.Process]] = field(default_factory=list)

    def hit(self, fault: ProcessFault) -> bool:
        """Kill or freeze a process of that kind; False if there is none just now."""
        candidates = self._candidates(fault.victim)
        if not candidates:
            return False
        process = candidates[min(int(fault.pick * len(candidates)), len(candidates) - 1)]
        try:
            if fault.freeze_seconds is None:
                process.kill()
            else:
                process.suspend()
                self._frozen.append((time.monotonic() + fault.freeze_seconds, process))
        except psutil.NoSuchProcess:
            return False
        return True

    def thaw(self) -> None:
        """Let those go on whose time has come."""
        now = time.monotonic()
        for until, process in self._frozen:
            if until <= now:
                _resume(process)
        self._frozen = [(until, process) for until, process in self._frozen if until > now]

    def thaw_all(self) -> None:
        """Let all go on."""
        for _, process in self._frozen:
            _resume(process)
        self._frozen.clear()

    def _candidates(self, victim: Victim) -> list[psutil.Process]:
        if victim not in (Victim.STAGE, Victim.WORKER):
            return self._component(victim)
        everything = members(self.deployment.settings.token, sessions(self.deployment.directory))
        if victim is Victim.WORKER:
            return [process for process in everything if _command(process).startswith(WORKER)]
        return [process for process in everything if STAGE.search(f"{_command(process)} ")]

    def _component(self, name: str) -> list[psutil.Process]:
        try:
            keepers = [each.pid for each in self.deployment.supervisor.components() if each.name == name and each.pid]
            return [process for keeper in keepers for process in psutil.Process(keeper).children()[:1]]
        except (LocalError, psutil.NoSuchProcess):
            return []


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _resume(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.resume()
