"""Ways on from a thing of a lineage: to the page of the thing itself, and to its own lineage."""

from contextlib import suppress
from urllib.parse import quote, urlencode

from nightjar.domain.lineage.nodes import Kind, Node, State
from nightjar.domain.names import Camera, NameRefused
from nightjar.errors import InputError
from nightjar.queries.lineage.described import RUN_ID
from nightjar.runtime.links import event_path
from nightjar.stores.event_keys import ref_of_key
from nightjar.stores.key_kinds import day_of_report
from nightjar.stores.quarantine import parse_folder


class Ways:
    """Addresses below `base`, the path at which the pages are mounted."""

    def __init__(self, base: str) -> None:
        self._base = base

    def lineage(self, name: str, *, up: bool = False, **more: str) -> str:
        """The lineage of the thing called `name`."""
        asked = {"of": name, **({"up": "1"} if up else {}), **{key: value for key, value in more.items() if value}}
        return f"{self._base}/lineage/?{urlencode(asked)}"

    def thing(self, node: Node) -> str:
        """The page of the thing itself; empty where there is none."""
        match node.kind:
            case Kind.EVENT:
                with suppress(InputError, NameRefused, IndexError):
                    camera = Camera.parse(node.key.split("/")[4])
                    return f"{self._base}/review/{event_path(camera, ref_of_key(node.key))}"
            case Kind.PICTURE if node.state is State.CURRENT:
                return f"{self._base}/pictures/{quote(node.key)}?w=1280"
            case Kind.REPORT | Kind.PLOT:
                if day := day_of_report(node.key):
                    return f"{self._base}/reports/{day}"
            case Kind.REFUSAL:
                with suppress(ValueError):
                    folder = parse_folder("/".join(node.key.split("/")[:6]))
                    return f"{self._base}/quarantine/{folder.partition('/')[2]}"
            case Kind.RUN:
                run_id = dict(node.facts).get(RUN_ID, "")
                if run_id:
                    asked = {"dag_id": node.title.partition("/")[0], "run_id": run_id}
                    return f"{self._base}/runs/run?{urlencode(asked)}"
        return ""

    def box(self, node: Node) -> str:
        """Where a box of the drawing leads: to the page of the thing, or else to its own lineage."""
        return self.thing(node) or (self.lineage(node.name) if node.name else "")
