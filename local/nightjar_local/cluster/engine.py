"""Helm, as the library `helm_python`: installs a release of the chart, upgrades it and removes it."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from nightjar_local.cluster.options import Options
from nightjar_local.processes import LocalError

RELEASE = "nightjar"
REMOVAL_SECONDS = 120


class Engine(Protocol):
    """Whatever installs the chart."""

    def install(self, values: Mapping[str, Any], seconds: int) -> None:
        """Install the release and wait for its hooks; raises LocalError if it is not done within `seconds`."""

    def upgrade(self, values: Mapping[str, Any], seconds: int) -> None:
        """Give the release other values; raises LocalError as `install` does."""

    def uninstall(self) -> None:
        """Remove the release, if it is there; raises LocalError if that fails."""


class Helm:
    """The real one. It works in a thread, so that an interrupt reaches this program and ends what Helm does."""

    def __init__(self, options: Options) -> None:
        """Raises LocalError if there is no chart."""
        self._options = options
        if not (options.chart / "Chart.yaml").is_file():
            raise LocalError(f"expected a chart at {options.chart}")

    def install(self, values: Mapping[str, Any], seconds: int) -> None:
        """Install the release and wait for its hooks."""
        chart, namespace = str(self._options.chart), self._options.release
        self._work(
            lambda helm, stop: helm.install(
                chart, RELEASE, dict(values), context=stop, namespace=namespace, timeout=seconds, wait="hookOnly"
            )
        )

    def upgrade(self, values: Mapping[str, Any], seconds: int) -> None:
        """Give the release other values."""
        chart, namespace = str(self._options.chart), self._options.release
        self._work(
            lambda helm, stop: helm.upgrade(
                chart, RELEASE, dict(values), context=stop, namespace=namespace, timeout=seconds, wait="hookOnly"
            )
        )

    def uninstall(self) -> None:
        """Remove the release, if it is there."""
        self._work(lambda helm, _: helm.uninstall(RELEASE, ignore_not_found=True, timeout=REMOVAL_SECONDS))

    def _work(self, action: Callable[[Any, Any], object]) -> None:
        # A library of 80 MB that no other command needs.
        import helm_python

        failures: list[Exception] = []
        stop = helm_python.HelmContext()

        def work() -> None:
            try:
                with helm_python.Config(
                    kubeconfig_path=str(self._options.kubeconfig),
                    kube_context=self._options.context,
                    namespace=self._options.release,
                ) as helm:
                    action(helm, stop)
            except helm_python.HelmError as error:
                failures.append(error)

        thread = threading.Thread(target=work, name="helm", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(timeout=0.5)
        except BaseException:
            stop.cancel()
            thread.join(timeout=REMOVAL_SECONDS)
            raise
        if failures:
            raise LocalError(f"Helm: {failures[0]}")


def values_of_file(path: Path) -> dict[str, Any]:
    """The values in a file as Helm reads it; raises LocalError if they are none."""
    import helm_python

    try:
        return dict(helm_python.values_from_yaml(path.read_text()))
    except helm_python.HelmError as error:
        raise LocalError(f"{path}: expected values of the chart: {error}") from None


def merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `over` laid over them, tables deep, as Helm does it with several files."""
    result = dict(values)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result
