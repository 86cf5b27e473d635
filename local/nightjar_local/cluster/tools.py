"""The parts that the test of a cluster works with. A test of the test gives it others, which need no cluster."""

from collections.abc import Callable
from dataclasses import dataclass

from nightjar.runtime.airflow_api import AirflowApi
from nightjar_local.cluster.counts import EXPECTED
from nightjar_local.cluster.engine import Engine, Helm
from nightjar_local.cluster.forward import forwarded
from nightjar_local.cluster.kube import Kubernetes
from nightjar_local.cluster.options import Options
from nightjar_local.cluster.place import Forward
from nightjar_local.demo import BETWEEN_VISITS


def connect(options: Options) -> Kubernetes:
    """A client of the cluster that the options name."""
    return Kubernetes(options.kubeconfig, options.context)


@dataclass(frozen=True)
class Tools:
    """The clients that reach the cluster, and the account expected of it.

    Attributes:
        connect: makes the client of the Kubernetes API.
        helm: makes what installs the chart.
        forward: opens a port here that leads to a port of a pod: client, namespace, pod, port.
        airflow: makes the client of Airflow, of its address and the password of `admin`.
        expected: the account of the sample footage, as `count_problems` takes it.
        between_visits: seconds from the landing of the sample footage to that of the rest of it.
    """

    connect: Callable[[Options], Kubernetes] = connect
    helm: Callable[[Options], Engine] = Helm
    forward: Forward = forwarded
    airflow: Callable[[str, str], AirflowApi] = AirflowApi
    expected: tuple[str, ...] = EXPECTED
    between_visits: float = BETWEEN_VISITS
