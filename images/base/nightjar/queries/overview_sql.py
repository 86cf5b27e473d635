"""The SQL of the overview, over the tables of `Warehouse.select`; parameters are `first` and `last` day, and bounds."""

_DELIVERED = "state NOT IN ('claimed', 'failed')"  # as in the report: a state of a later release counts as delivered
_IN_PERIOD = "day BETWEEN $first AND $last"

# One row a trigger, by how far it came. The 64 bits of a hash stand for its id, which keeps 92 days in memory.
TRIGGERS = f"""
CREATE OR REPLACE TEMP TABLE triggers AS
WITH told AS (
    SELECT DISTINCT event AS id FROM alerts WHERE {_DELIVERED}
), told_as AS (
    SELECT id FROM told
    UNION
    SELECT unnest(e.absorbed) AS id FROM events AS e SEMI JOIN told USING (id)
    UNION
    SELECT e.id FROM (SELECT id, unnest(absorbed) AS other FROM events) AS e SEMI JOIN told ON told.id = e.other
), alerted AS (
    SELECT DISTINCT hash(p.trigger) AS trigger
    FROM (SELECT trigger, unnest(events) AS id FROM pictures WHERE len(events) > 0) AS p SEMI JOIN told_as USING (id)
), judged AS (
    SELECT
        hash(trigger) AS trigger,
        any_value(camera) AS camera,
        min(taken_at) AS taken_at,
        min(day) AS day,
        max(CASE
            WHEN verdict = 'threat' AND len(events) > 0 THEN 4
            WHEN verdict = 'threat' THEN 3
            WHEN objects > 0 THEN 2
            WHEN outcome = 'detected' THEN 1
            ELSE 0
        END) AS stage
    FROM pictures
    GROUP BY ALL
)
SELECT
    coalesce(camera, '') AS camera,
    taken_at,
    day,
    CAST(CASE WHEN stage = 4 AND a.trigger IS NOT NULL THEN 5 ELSE stage END AS TINYINT) AS stage
FROM judged AS j LEFT JOIN alerted AS a USING (trigger)
"""

_FUNNEL = """
    count(*) AS received,
    count(*) FILTER (stage >= 1) AS valid,
    count(*) FILTER (stage >= 2) AS with_objects,
    count(*) FILTER (stage >= 3) AS with_threat,
    count(*) FILTER (stage >= 4) AS in_event,
    count(*) FILTER (stage >= 5) AS alerted
"""
# As the list of events has them: an event that was extended backwards began on the day before its own.
_BEGAN = "started_at >= CAST($first AS TIMESTAMP) AND started_at < CAST($last AS TIMESTAMP) + INTERVAL 1 DAY"
_CURRENT = "coalesce(state, 'current') NOT IN ('absorbed', 'withdrawn')"
_MESSAGE = "coalesce(told_with, event)"  # what happened at the same time is told in one message

SUMS = f"""
SELECT
    {_FUNNEL},
    count(DISTINCT camera) FILTER (camera != '') AS cameras,
    (SELECT count(*) FROM events WHERE {_BEGAN} AND {_CURRENT}) AS events,
    (SELECT count(DISTINCT {_MESSAGE}) FROM alerts WHERE {_IN_PERIOD} AND {_DELIVERED}) AS alerts,
    (SELECT count(*) FROM pictures WHERE outcome = 'quarantined') AS refused
FROM triggers
"""

# By hour where the period is one day, else by day.
SPANS = f"""
SELECT CASE WHEN $first = $last THEN date_trunc('hour', taken_at) ELSE CAST(day AS TIMESTAMP) END AS start, {_FUNNEL}
FROM triggers
GROUP BY ALL
"""

HEAT = """
WITH threats AS (
    SELECT camera, hour(taken_at) AS hour, count(*) AS n
    FROM triggers
    WHERE stage >= 3 AND taken_at IS NOT NULL
    GROUP BY ALL
), most AS (
    SELECT camera, sum(n) AS total FROM threats GROUP BY camera ORDER BY total DESC, camera LIMIT $most
)
SELECT camera, hour, n FROM threats JOIN most USING (camera) ORDER BY total DESC, camera, hour
"""

HEAT_SUMS = """
SELECT count(DISTINCT camera) AS cameras, count(*) AS n FROM triggers WHERE stage >= 3 AND taken_at IS NOT NULL
"""

LOCATIONS = f"""
WITH sent AS (
    SELECT camera, count(*) AS triggers, count(*) FILTER (stage >= 3) AS threats FROM triggers GROUP BY camera
), seen AS (
    SELECT camera, max(site) AS site, count(*) FILTER ({_CURRENT}) AS events
    FROM events
    WHERE {_BEGAN}
    GROUP BY camera
), told AS (
    SELECT camera, count(DISTINCT {_MESSAGE}) AS alerts FROM alerts WHERE {_IN_PERIOD} AND {_DELIVERED} GROUP BY camera
)
SELECT
    camera,
    coalesce(site, '') AS site,
    coalesce(triggers, 0) AS triggers,
    coalesce(threats, 0) AS threats,
    coalesce(events, 0) AS events,
    coalesce(alerts, 0) AS alerts
FROM sent FULL JOIN seen USING (camera) FULL JOIN told USING (camera)
ORDER BY alerts DESC, events DESC, threats DESC, triggers DESC, camera
LIMIT $most
"""

REFUSED = """
WITH refused AS (
    SELECT coalesce(reason, '') AS reason, coalesce(camera, '') AS camera, count(*) AS n
    FROM pictures
    WHERE outcome = 'quarantined'
    GROUP BY ALL
), reasons AS (
    SELECT reason, sum(n)::BIGINT AS pictures, count(*) FILTER (camera != '') AS cameras
    FROM refused
    GROUP BY reason
    ORDER BY pictures DESC, reason
    LIMIT $reasons
)
SELECT reason, pictures, cameras, camera, n
FROM refused JOIN reasons USING (reason)
QUALIFY row_number() OVER (PARTITION BY reason ORDER BY n DESC, camera) <= $most
ORDER BY pictures DESC, reason, n DESC, camera
"""

_TIMED = f"""
SELECT *, greatest(epoch(finished_at) - epoch(started_at), 0) AS seconds
FROM alerts
WHERE {_IN_PERIOD} AND {_DELIVERED} AND finished_at IS NOT NULL
"""
_QUANTILES = """
    count(*) AS deliveries,
    quantile_cont(seconds, 0.5) AS median,
    quantile_cont(seconds, 0.95) AS p95
"""

LATENCY = f"""
SELECT
    {_QUANTILES},
    max(seconds) AS slowest,
    coalesce(arg_max(camera, seconds), '') AS slowest_camera,
    arg_max(day, seconds) AS slowest_day
FROM ({_TIMED})
"""

# An event may have been extended backwards, into the day before its own: it counts in the first hour.
LATENCIES = f"""
SELECT
    CASE
        WHEN $first = $last THEN date_trunc('hour', greatest(started_at, CAST($first AS TIMESTAMP)))
        ELSE CAST(day AS TIMESTAMP)
    END AS start,
    {_QUANTILES}
FROM ({_TIMED})
GROUP BY ALL
"""
