"""Airflow's login, permissions and audit log behind the pages' own protocols: all that the pages know of Airflow."""

from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.configuration import conf
from airflow.models import Log
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import HTTPException, Request

from plugins.web.audit import AuditLine
from plugins.web.errors import NotLoggedIn

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod


class AirflowLogin:
    """The auth manager of this API server, whichever it is."""

    async def user(self, request: Request) -> Any:
        """Who asks, by Airflow's cookie or a bearer token; raises NotLoggedIn."""
        try:
            return await get_user(request, None, await bearer_scheme(request))
        except HTTPException as error:  # 401 or 403: no token, an old one, or a false one
            raise NotLoggedIn("This page is for people who are logged in to Airflow.") from error

    def name(self, user: Any) -> str:
        """As Airflow's own lines of the audit log name them."""
        return str(user.get_name())

    def may_read(self, user: Any, dag_id: str) -> bool:
        """Whether they may read runs of the DAG."""
        return self._may(user, "GET", dag_id)

    def may_act(self, user: Any, dag_id: str) -> bool:
        """Whether they may change runs of the DAG, as clearing one needs it."""
        return self._may(user, "PUT", dag_id)

    def address(self, back: str) -> str:
        """Where one logs in, to come back to the address `back`."""
        return str(get_auth_manager().get_url_login(next_url=back))

    def _may(self, user: Any, method: "ResourceMethod", dag_id: str) -> bool:
        team = DagModel.get_team_name(dag_id) if conf.getboolean("core", "multi_team") else None
        details = DagDetails(id=dag_id, team_name=team)
        return bool(
            get_auth_manager().is_authorized_dag(
                method=method, access_entity=DagAccessEntity.RUN, details=details, user=user
            )
        )


class AirflowAudit:
    """Airflow's audit log: Browse > Audit Log, and a DAG's own."""

    def write(self, line: AuditLine) -> None:
        """Keep the line; raises what the database raises."""
        more = {"dag_id": line.dag_id, **({"run_id": line.run_id} if line.run_id else {})}
        with create_session() as session:
            session.add(Log(line.event, None, line.person, line.person, line.as_json(), **more))


def base_url() -> str:
    """The address under which people reach Airflow, as far as it is configured."""
    return str(conf.get("api", "base_url", fallback=""))
