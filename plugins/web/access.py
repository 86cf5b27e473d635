"""Who asks, and whether they may: Airflow's login for everything, its permissions by DAG for reading and for acting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute

from plugins.web.audit import audit
from plugins.web.errors import Forbidden
from plugins.web.pages import Page


@dataclass(frozen=True)
class Person:
    """Who is logged in. `may_act`: whether they may change runs of the page's own DAG."""

    name: str
    may_act: bool


class Login(Protocol):
    """The login of the UI that the pages are in. `user` is whatever it knows a person by."""

    async def user(self, request: Request) -> Any:
        """Who asks; raises NotLoggedIn."""

    def name(self, user: Any) -> str:
        """How the audit log names them."""

    def may_read(self, user: Any, dag_id: str) -> bool:
        """Whether they may read runs of the DAG."""

    def may_act(self, user: Any, dag_id: str) -> bool:
        """Whether they may change runs of the DAG."""

    def address(self, back: str) -> str:
        """Where one logs in, to come back to the address `back`."""


def entering(page: Page) -> Callable[[Request], None]:
    """The dependency of all routes of `page`: notes page and person, and refuses who may not read its DAG."""

    def enter(request: Request) -> None:
        request.state.page = page
        must_read(request, page.dag_id)
        login, user = _login(request)
        request.state.person = Person(login.name(user), login.may_act(user, page.dag_id))

    return enter


def person_of(request: Request) -> Person:
    """The person of a request to a page; elsewhere, who may act on nothing."""
    person: Person | None = getattr(request.state, "person", None)
    if person is not None:
        return person
    login, user = _login(request)
    return Person(login.name(user), may_act=False)


PersonDep = Annotated[Person, Depends(person_of)]


def may_read(request: Request, dag_id: str) -> bool:
    """Whether the person may read runs of the DAG, for a page that shows runs of more than its own."""
    login, user = _login(request)
    return login.may_read(user, dag_id)


def must_read(request: Request, dag_id: str) -> None:
    """As `may_read`; raises Forbidden if they may not."""
    if not may_read(request, dag_id):
        raise Forbidden(f"Seeing this needs Airflow's permission to read runs of the DAG {dag_id}.")


@dataclass(frozen=True)
class Acting:
    """The dependency of each route that changes something: refuses who may not change runs of the DAG `dag_id`."""

    dag_id: str

    def __call__(self, request: Request) -> None:
        """Let the request through, or raise Forbidden, which the audit log keeps."""
        login, user = _login(request)
        if not login.may_act(user, self.dag_id):
            address = f"{request.method} {request.url.path}"
            audit(request, person_of(request), "nightjar.refused", dag_id=self.dag_id, address=address)
            raise Forbidden(f"This needs Airflow's permission to change runs of the DAG {self.dag_id}.")


def acting(dag_id: str) -> Acting:
    """`dependencies=[Depends(acting("nightjar_live"))]` at a route that changes something."""
    return Acting(dag_id)


def acts(router: APIRouter) -> list[Acting]:
    """The acts that routes of a page ask for."""
    calls = [
        each.call for route in router.routes if isinstance(route, APIRoute) for each in route.dependant.dependencies
    ]
    return [call for call in calls if isinstance(call, Acting)]


def only_asking(request: Request) -> None:
    """`dependencies=[Depends(only_asking)]` at a route that takes a POST for its long question, and changes nothing."""
    del request


def _login(request: Request) -> tuple[Login, Any]:
    login: Login = request.app.state.login
    return login, request.state.nightjar_user
