"""A server process: models, gateway and listeners, joined. Nothing else knows all of them."""

import asyncio
import time
from functools import partial

from msgspec import UNSET, convert

from dragoman.assembly.builtin import engines, explainer_engine, external_engine, node_engine, protocols
from dragoman.assembly.explainers import code_loader
from dragoman.assembly.exposition import metrics_protocols
from dragoman.assembly.listeners import BoundListener, bind, make_server
from dragoman.assembly.models import ModelSources, make_models, make_watcher
from dragoman.assembly.ovms_metrics import OvmsFamilies
from dragoman.assembly.renewal import Renewal
from dragoman.assembly.security import Security
from dragoman.assembly.snapshots import Snapshots
from dragoman.assembly.torchserve_metrics import TorchServeFamilies
from dragoman.assembly.warmup import make_warm_up
from dragoman.core.control import ControlResult, Reload
from dragoman.core.requests import Target
from dragoman.core.status import StatusReport, VersionStatus
from dragoman.execution.choice import make_runner
from dragoman.execution.pipelines.compose import Composer
from dragoman.execution.pipelines.libraries import NodeLibraries
from dragoman.execution.workers.handlers.devices import gpus_here
from dragoman.explain.choice import make_explainer
from dragoman.explain.pace import Company, Traffic
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.recorder import Recorder
from dragoman.repository.archives.opening import Archives
from dragoman.repository.handle import Handle
from dragoman.repository.labels import check_labels
from dragoman.repository.lifecycle import no_warm_up
from dragoman.repository.loader import ModelLoader, plain_statistics
from dragoman.repository.manager import unobserved
from dragoman.repository.table import Observer
from dragoman.settings.server import ServerSettings
from dragoman.telemetry.logs import AccessLog, configure_logs
from dragoman.telemetry.measures import untold
from dragoman.telemetry.metrics import Metrics, make_registry
from dragoman.transports.grpc.server import GrpcServer
from dragoman.wire.surroundings import EventAttributes


class App:
    """One server, on the running event loop. `observer` is told each change of a version's state."""

    def __init__(self, settings: ServerSettings, observer: Observer = unobserved) -> None:
        logs = configure_logs(settings.log.level, settings.log.format)
        self._settings = settings
        self._observer = observer
        metrics = Metrics()
        loop = asyncio.get_running_loop()
        self._torchserve = torchserve = self._torchserve_families(settings, metrics)
        measured = untold if torchserve is None else torchserve.measured
        runners = partial(make_runner, loop=loop, limits=settings.limits, measured=measured)
        compose = Composer(NodeLibraries(node_engine(), loop), self._pin)
        recorded = settings.loading.recorded_warm_up
        events = convert(settings.cloud_events, EventAttributes, from_attributes=True)
        self._spoken = spoken = protocols(
            events, settings.server_name, keeps_repeated_parts=settings.repeated_parts == "all"
        )
        warm_up = make_warm_up(spoken, settings.limits) if recorded else no_warm_up
        known = engines()
        self._sources = ModelSources(settings, known)
        self._archives = Archives(settings.archives)
        ovms = self._ovms_families(settings)
        statistics = ovms.statistics if ovms else plain_statistics
        explainer = partial(
            make_explainer,
            company=Company(self._traffic),
            load_code=code_loader(explainer_engine(), loop),
        )
        self.models = make_models(
            settings,
            self._sources,
            ModelLoader(
                known,
                settings.engine_options,
                compose,
                self._archives,
                statistics,
                explainer,
                external_engine(),
            ),
            runners,
            warm_up,
            self._changed,
        )
        kept = settings.snapshots
        self._snapshots: Snapshots | None = None
        if kept.folder:
            self._snapshots = Snapshots(kept, lambda: self.models.report, self.models.changed, time.time)
        self.renewal: Renewal | None = None  # what reads the settings again, where they can be
        self._watcher = make_watcher(settings, self.models)
        self._watch: asyncio.Task[None] | None = None
        self._revival: asyncio.Task[None] | None = None
        access = AccessLog(settings.log.access, settings.log.slow_request_s)
        told = [families.count for families in (ovms, torchserve) if families is not None]
        recorder = Recorder(metrics, access, told)
        self._security = Security(settings)
        self._gateway = Gateway(
            self.models,
            settings.limits,
            recorder,
            self._security.guard,
            allow_remote_control=settings.allow_remote_control,
            renew=self._renew,
            logs=logs,
            tokens=self._security.tokens,
        )
        self._gateway.set_default_model(settings.default_model)
        registry = make_registry(metrics, lambda: self.models.report)
        more = ovms.text if ovms else None
        routes = () if torchserve is None else torchserve.routes()
        specs = (*spoken, *metrics_protocols(metrics, registry, settings.metrics, more, routes))
        self._servers = [
            (listener, make_server(listener, specs, self._gateway, settings.limits, metrics, self._security))
            for listener in settings.listeners
        ]
        # The health that a gRPC server tells is that of the models.
        self._watching = [server for _, server in self._servers if isinstance(server, GrpcServer)]
        self.listeners: tuple[BoundListener, ...] = ()

    @property
    def report(self) -> StatusReport:
        """The state of every model."""
        return self.models.report

    async def start(self) -> None:
        """Listen, then load every model; returns when each is READY or has failed for good.

        Errors: ListenError for an address that cannot be had; DragomanError for a repository that cannot be
        read.
        """
        self.listeners = tuple(
            [await bind(listener, server, self._spoken) for listener, server in self._servers]
        )
        self._security.start()
        if self._torchserve is not None:
            self._torchserve.start()
        if self._watcher is not None:
            self._watch = asyncio.create_task(self._watcher.run())
        self._revival = asyncio.create_task(self.models.revive())
        await self.models.start()
        self._update()
        if self._snapshots is not None:
            await self._snapshots.start()

    async def adopt(self, settings: ServerSettings) -> None:
        """Serve the models that new settings name, to those they name; returns when each is READY or failed.

        What closes a model counts before the model is loaded.
        Errors: DragomanError where that cannot be; then everything stays as it is.
        """
        wanted = {model.name: model.labels for model in settings.models if model.labels is not UNSET}
        check_labels(wanted, self.report, before_load=settings.labels_before_load)
        source = self._sources.configured(settings)
        async with self._security.adopting(settings):
            await self.models.take_source(source)
        self._gateway.set_default_model(settings.default_model)
        self._sources.settings = settings

    async def drain(self) -> None:
        """Take no new connections, let the requests in flight end, unload every model."""
        for task in filter(None, (self._watch, self._revival)):
            task.cancel()
            await asyncio.wait([task])
        self._security.close()
        timeout_s = self._settings.limits.drain_s
        await asyncio.gather(*(server.drain(timeout_s) for _, server in self._servers))
        if self._snapshots is not None:
            await self._snapshots.close()
        await self.models.close()
        if self._torchserve is not None:
            await self._torchserve.close()
        await asyncio.to_thread(self._archives.close)
        await asyncio.to_thread(self._sources.arrivals.close)
        self._gateway.close()

    async def _renew(self) -> ControlResult:
        """Read the settings again, where they can be, and look at every model."""
        return await (self.models.control(Reload()) if self.renewal is None else self.renewal.renew())

    def _ovms_families(self, settings: ServerSettings) -> OvmsFamilies | None:
        """OpenVINO Model Server's families of metrics, where they are wanted."""
        if not settings.metrics.ovms:
            return None
        return OvmsFamilies(settings.metrics, lambda: self.models.report, lambda: self.models.serving)

    @staticmethod
    def _torchserve_families(settings: ServerSettings, metrics: Metrics) -> TorchServeFamilies | None:
        """TorchServe's families of metrics, where they are wanted."""
        if settings.metrics.torchserve == "off":
            return None
        families = TorchServeFamilies(settings.metrics, gpus_here)
        metrics.told_refused.append(families.refused)
        return families

    def _traffic(self) -> Traffic:
        ended = under_way = 0
        for handle in self.models.serving:
            ended += handle.statistics.succeeded + handle.statistics.failed
            under_way += handle.pins
        return Traffic(ended, under_way)

    def _pin(self, target: Target) -> Handle:
        return self.models.pin(target)

    def _changed(self, model: str, version: VersionStatus) -> None:
        self._update()
        if self._torchserve is not None:
            self._torchserve.changed(model, version, self.report)
        self._observer(model, version)

    def _update(self) -> None:
        for server in self._watching:
            server.update(self.report)
