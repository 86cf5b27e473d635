"""supervisord's configuration of one deployment: how often it starts a component again, in which order it stops them.

All paths are relative to the deployment's folder, in which supervisord runs, but for its socket: a socket's path may
have 107 characters at the most.
"""

import os
from collections.abc import Sequence
from pathlib import Path

CONFIGURATION = "supervisord.conf"
LOGS = "logs"
# A component that ends within this time after its start is started again after 1 s, the next time after 2 s, and so on;
# after so many times in a row it is given up.
SETTLED_SECONDS = 30
RETRIES = 5
# Longer than a keeper takes at the most to end its program with everything that it started.
STOP_SECONDS = 20

STORE_GROUP = "store"
AIRFLOW_GROUP = "airflow"


def configuration(store: Sequence[str], airflow: Sequence[str], socket: Path, retries: int = RETRIES) -> str:
    """The configuration for the programs of these names. Airflow stops first: its tasks still write to the store."""
    groups = {STORE_GROUP: store, AIRFLOW_GROUP: airflow}
    parts = [_SUPERVISORD.format(socket=str(socket).replace("%", "%%"), logs=LOGS, user=_user())]
    parts += [
        _PROGRAM.format(name=name, logs=LOGS, settled=SETTLED_SECONDS, retries=retries, stop=STOP_SECONDS)
        for programs in groups.values()
        for name in programs
    ]
    parts += [
        _GROUP.format(group=group, programs=",".join(programs), priority=priority)
        for priority, (group, programs) in enumerate(groups.items(), start=1)
        if programs
    ]
    return "\n".join(parts)


def _user() -> str:
    """Or it warns that it runs as root, which is no news to who started it."""
    return "user=root" if os.getuid() == 0 else ""


_SUPERVISORD = """\
[supervisord]
nodaemon=true
silent=true
logfile={logs}/supervisor.log
logfile_maxbytes=10MB
logfile_backups=3
pidfile=supervisord.pid
{user}

[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """\
[program:{name}]
command=python -m nightjar_local.keeper . {name}
autostart=false
autorestart=true
startsecs={settled}
startretries={retries}
stopwaitsecs={stop}
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=3
"""

_GROUP = """\
[group:{group}]
programs={programs}
priority={priority}
"""
