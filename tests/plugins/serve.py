"""`python -m tests.plugins.serve --port 8100 [--role viewer]`: the pages over a bucket, without Airflow.

The bucket is that of the environment. For looking at them while they are made. There is no login: everybody on this
machine is in, as the role says.
"""

import argparse
import os
import tempfile

import uvicorn

from plugins.web.app import make_app
from plugins.web.audit import MemoryAudit
from plugins.web.world import WorldOnce, world_of_environment
from tests.plugins.web_world import OPERATOR, VIEWER, FakeLogin, mounted


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--role", choices=["admin", "viewer"], default="admin")
    options = parser.parse_args()
    os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="nightjar-pages-"))
    person = OPERATOR if options.role == "admin" else VIEWER
    app = make_app(WorldOnce(world_of_environment), FakeLogin(person), MemoryAudit())
    print(f"http://127.0.0.1:{options.port}/nightjar-ui/")
    uvicorn.run(mounted(app), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
