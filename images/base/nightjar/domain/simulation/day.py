"""One day, event by event: landing, the watch, live runs, and the pods of their shards under all bounds.

Shards of a run with equally many pictures are one `_Group`, so that a day costs by its runs and not by its pictures.
"""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from math import ceil

from nightjar.domain.simulation.arrivals import DAY, HOUR
from nightjar.domain.simulation.batches import DropZone, Span, camera_sizes, events_of_shards
from nightjar.domain.simulation.bill import KEYS_A_LISTING, LISTINGS, TASKS
from nightjar.domain.simulation.ceilings import RUN_TASKS, WATCH
from nightjar.domain.simulation.chance import Chance
from nightjar.domain.simulation.limits import Amount, Pace
from nightjar.domain.simulation.loads import shard_loads
from nightjar.domain.simulation.site import Site
from nightjar.domain.stages import SHARD_STAGES

_CORES = {stage: Site.cores_of(stage) for stage in SHARD_STAGES}
LONGEST = 2 * DAY  # seconds after which what still waits is given up


@dataclass
class _Run:
    spans: list[Span]
    shards: int = 0

    def picture(self, share: float) -> int:
        """The number of the picture that has this share (0 to 1, left out) of the batch before it."""
        place = int(share * sum(end - first for first, end in self.spans))
        for first, end in self.spans:
            if place < end - first:
                return first + place
            place -= end - first
        raise ValueError(f"expected a share of 0 to 1, got {share:g}")


@dataclass
class _Group:
    """Shards of a run with equally many pictures (and, for notify, events)."""

    run: _Run
    count: int
    pictures: int
    events: int = 0


class Day:
    """Simulates a day of `site` when it is made, as `chance` has it; then its fields tell what came of it.

    `latencies[h][s]` counts alerts of pictures that landed in hour h by the seconds until they were sent. `busy` is how
    much of each bound was held in the peak hour on average, `waited` the seconds that shards waited there by the bound.
    """

    def __init__(self, site: Site, chance: Chance) -> None:
        self._site, self._chance = site, chance
        self._arrivals = site.cameras.arrivals
        self._peak = self._arrivals.peak * HOUR
        self._heap: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._zone, self._queues = DropZone(), {stage: deque[_Group]() for stage in SHARD_STAGES}
        self._queued: Counter[str] = Counter()  # shards, by the stage that they wait for
        self._slots = {stage: Amount(site.cluster.slots[stage]) for stage in SHARD_STAGES}
        self._cores, self._pods = Amount(site.cluster.cores), Amount(site.cluster.pods)
        self._workers = Amount(site.cluster.workers or site.cluster.pods)
        self._tasks = Pace(site.cluster.airflow_cores / site.rates.task)
        self._starts = Pace(site.cluster.nodes * site.cluster.pods_a_minute / 60)
        self._now, self._wake, self._watch_waits, self._watch_busy = 0.0, -1.0, False, False
        self._blocked: dict[str, int] = {}
        self.under_way = 0
        self.runs = self.shards = self.visits = self.events = self.listing_pages = self.done = 0
        self.idle_looks = 0.0
        self.largest_backlog = self.backlog_at_midnight = 0
        self.pods: Counter[str] = Counter()
        self.loads: Counter[int] = Counter()
        self.latencies: list[Counter[int]] = [Counter() for _ in range(24)]
        self.busy: dict[str, float] = defaultdict(float)
        self.waited: dict[str, float] = defaultdict(float)
        self.in_peak: dict[str, float] = defaultdict(float)  # things that happened in the peak hour
        self._simulate()

    @property
    def unfinished(self) -> int:
        """Pictures that were not through when the simulation was given up."""
        return self._arrivals.pictures - self.done

    def _simulate(self) -> None:
        self._at(0.0, self._look)
        self._at(DAY, self._midnight)
        while self._heap:
            now, _, call = heapq.heappop(self._heap)
            if now > LONGEST:
                break
            self._pass_time(now)
            call(now)
            self._dispatch(now)

    def _at(self, time: float, call: Callable[[float], None]) -> None:
        heapq.heappush(self._heap, (time, next(self._order), call))

    def _midnight(self, now: float) -> None:
        self._zone.land(self._arrivals.landed(now))
        self.backlog_at_midnight = self._zone.waiting

    def _pass_time(self, now: float) -> None:
        """Account for what was held since the last event, as far as that was in the peak hour."""
        seconds = min(now, self._peak + HOUR) - max(self._now, self._peak)
        if seconds > 0:
            shares = {f"pods of {stage}": slots.share for stage, slots in self._slots.items()}
            shares |= {"cores of the nodes": self._cores.share, "pods at once": self._pods.share}
            shares |= {"live runs": self.under_way / self._site.deployment.live_runs, WATCH: float(self._watch_busy)}
            for bound, share in shares.items():
                self.busy[bound] += share * seconds / HOUR
            for bound, shards in self._blocked.items():
                self.waited[bound] += shards * seconds
        self._now = now

    def _count(self, name: str, number: float, now: float) -> None:
        if self._peak <= now < self._peak + HOUR:
            self.in_peak[name] += number

    # The watch.

    def _look(self, now: float) -> None:
        """Collect what waits if there is room for a run; else look again when there is."""
        self._zone.land(self._arrivals.landed(now))
        self.largest_backlog = max(self.largest_backlog, self._zone.waiting)
        if not self._zone.waiting:
            self._look_later(now)
        elif self.under_way >= self._site.deployment.live_runs:
            self._watch_waits = True
        else:
            self._collect(now)

    def _look_later(self, now: float) -> None:
        every = self._site.deployment.look_seconds
        if self._zone.landed >= self._arrivals.pictures:
            self.idle_looks += max(0.0, DAY - now) / every
            return
        looks = max(1, ceil((self._arrivals.time_of(self._zone.landed) - now) / every))
        self.idle_looks += looks
        self._at(now + looks * every, self._look)

    def _collect(self, now: float) -> None:
        """Make the next batch, of all that has landed when the pod lists the drop zone."""
        self._watch_busy = True
        self._zone.land(self._arrivals.landed(now + self._site.rates.pod / 2))
        waiting = self._zone.waiting
        spans = self._zone.take(self._site.batch)
        pictures = sum(end - first for first, end in spans)
        self.listing_pages += LISTINGS * (waiting // KEYS_A_LISTING)
        self._start(now, "collect", 1)
        self._at(
            now + self._site.collect_seconds(pictures, waiting), lambda at: self._hand_over(at, _Run(spans), pictures)
        )

    def _hand_over(self, now: float, run: _Run, pictures: int) -> None:
        self.runs += 1
        self.under_way += 1
        self._count("runs", 1, now)
        self._tasks.spend(now, RUN_TASKS)
        self._count("tasks", RUN_TASKS, now)
        self._at(now + self._site.rates.run_before, lambda at: self._plan(at, run, pictures))
        self._at(now + self._site.rates.hand_over, self._look_again)

    def _look_again(self, now: float) -> None:
        self._watch_busy = False
        self._look(now)

    # Live runs.

    def _plan(self, now: float, run: _Run, pictures: int) -> None:
        """Cut the batch into shards, as plan_shards does."""
        cameras = self._site.cameras
        sizes = camera_sizes(max(1, pictures // cameras.burst), cameras.burst, cameras.cameras, self._chance)
        loads = shard_loads(sizes, self._site.deployment.max_shards, self._site.deployment.shard_work)
        self.visits += sum(sizes.values())
        self._count("visits", sum(sizes.values()), now)
        self._count("pictures", pictures, now)
        for load, number in sorted(loads.items(), reverse=True):
            run.shards += number
            self.loads[load] += number
            self._queue(SHARD_STAGES[0], _Group(run, number, load))
        self.shards += run.shards
        self._count("shards", run.shards, now)

    def _dispatch(self, now: float) -> None:
        """Start as many pods as all bounds allow, those nearest to an alert first."""
        self._blocked = {}
        for stage in reversed(SHARD_STAGES):
            while queue := self._queues[stage]:
                # The paced bound comes first: while it is at work, nothing else needs to be looked at.
                bound, room = self._paced(now)
                if room:
                    bound, room = min([(bound, room), *self._rooms(stage)], key=lambda each: each[1])
                if not room:
                    self._blocked[bound] = self._blocked.get(bound, 0) + self._queued[stage]
                    break
                self._begin(now, stage, self._taken(queue, min(queue[0].count, room)))
        if self._blocked and self._wake <= now and (wake := max(self._tasks.free_at, self._starts.free_at)) > now:
            self._wake = wake
            self._at(wake, lambda _: None)

    def _paced(self, now: float) -> tuple[str, int]:
        rooms = (("Airflow's schedulers", self._tasks.room(now)), ("pods a minute", self._starts.room(now)))
        return min(rooms, key=lambda each: each[1])

    def _rooms(self, stage: str) -> tuple[tuple[str, int], ...]:
        """For how many more pods of the stage there is room in each bound."""
        return (
            (f"pods of {stage}", self._slots[stage].room(1)),
            ("cores of the nodes", self._cores.room(_CORES[stage])),
            ("pods at once", self._pods.room(1)),
            ("tasks at once", self._workers.room(1)),
        )

    @staticmethod
    def _taken(queue: deque[_Group], number: int) -> _Group:
        """So many shards of the first group."""
        first = queue[0]
        if first.count == number:
            return queue.popleft()
        first.count -= number
        return _Group(first.run, number, first.pictures, first.events)

    def _queue(self, stage: str, group: _Group) -> None:
        self._queues[stage].append(group)
        self._queued[stage] += group.count

    def _begin(self, now: float, stage: str, group: _Group) -> None:
        self._queued[stage] -= group.count
        self._hold(stage, group.count)
        self._tasks.spend(now, group.count)
        self._count("tasks", group.count, now)
        self._start(now, stage, group.count)
        seconds = self._site.seconds(stage, group.pictures, group.events)
        self._at(now + seconds, lambda at: self._end(at, stage, group))

    def _hold(self, stage: str, pods: int) -> None:
        self._slots[stage].hold(pods)
        self._cores.hold(pods * _CORES[stage])
        self._pods.hold(pods)
        self._workers.hold(pods)

    def _start(self, now: float, stage: str, pods: int) -> None:
        self._starts.spend(now, pods)
        self.pods[stage] += pods
        self._count("pods", pods, now)

    def _end(self, now: float, stage: str, group: _Group) -> None:
        self._hold(stage, -group.count)
        if stage == SHARD_STAGES[-1]:
            self._alert(now, group)
            self._leave(now, group.run, group.count)
        elif (following := SHARD_STAGES[SHARD_STAGES.index(stage) + 1]) != SHARD_STAGES[-1]:
            self._queue(following, group)
        else:
            self._assessed(now, group)

    def _assessed(self, now: float, group: _Group) -> None:
        """Shards with events go on to notify; its task is skipped for the others."""
        self.done += group.count * group.pictures
        share = self._site.cameras.events
        for events, shards in sorted(events_of_shards(group.count, group.pictures, share, self._chance).items()):
            if events:
                self._queue(SHARD_STAGES[-1], _Group(group.run, shards, group.pictures, events))
            else:
                self._tasks.spend(now, shards)
                self._count("tasks", shards, now)
                self._leave(now, group.run, shards)

    def _alert(self, now: float, group: _Group) -> None:
        number = group.count * group.events
        self.events += number
        self._count("events", number, now)
        for _ in range(number):
            landed = self._arrivals.time_of(group.run.picture(self._chance.random()))
            self.latencies[min(int(landed // HOUR), 23)][round(now - landed)] += 1

    def _leave(self, now: float, run: _Run, shards: int) -> None:
        """Shards of the run are through; with its last one, the run ends."""
        run.shards -= shards
        if not run.shards:
            self._at(now + self._site.rates.run_after, self._run_ended)

    def _run_ended(self, now: float) -> None:
        self.under_way -= 1
        self._start(now, "record", 1)
        if self._watch_waits:
            self._watch_waits = False
            self._look(now)


assert len(SHARD_STAGES) == TASKS
