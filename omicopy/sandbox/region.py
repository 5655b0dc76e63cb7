"""One Region put together: its world, its API, its object storage, and the servers that both are reached at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.types import Scope

from omicopy.sandbox.api.actions.call import BackgroundWork, Request
from omicopy.sandbox.api.app import ApiApp, action_of, headers_of
from omicopy.sandbox.api.openapi import OpenApi
from omicopy.sandbox.api.signature import named_access_key
from omicopy.sandbox.export_worker import ExportWorker
from omicopy.sandbox.fault_proxy import FaultProxy, ProxiedEndpoint
from omicopy.sandbox.import_worker import ImportWorker
from omicopy.sandbox.model.faults import Faults
from omicopy.sandbox.model.fixtures import add_fixtures
from omicopy.sandbox.model.region_state import ImageExportTask, RegionState
from omicopy.sandbox.model.request_log import RecordedRequests
from omicopy.sandbox.model.settings import BUCKETS, SandboxAccount, SandboxSettings
from omicopy.sandbox.process.scheduler import Scheduler
from omicopy.sandbox.process.server import Server
from omicopy.sandbox.storage.object_store import ObjectStore
from omicopy.sandbox.storage.presigned_objects import PresignedClient
from omicopy.sandbox.storage.s3_proxy import S3Proxy


class RegionWorkers(BackgroundWork):
    """The work behind one Region's API."""

    def __init__(self, exporter: ExportWorker, importer: ImportWorker) -> None:
        self._exporter = exporter
        self._importer = importer

    def export(self, account: SandboxAccount, image_id: str, export: Request) -> ImageExportTask:
        """Queue an export and let it run its course."""
        return self._exporter.queue(account, image_id, export)

    def check_source(self, url: str) -> None:
        """Refuse a manifest at once, where the variant has it so."""
        self._importer.check_source(url)

    def import_image(self, image_id: str, url: str) -> None:
        """Let a pending image become available, or fail."""
        self._importer.start(image_id, url)

    def copy_image(self, image_id: str, source_image_id: str) -> None:
        """Let a pending copy become available."""
        self._importer.start_copy(image_id, source_image_id)


class Region:
    """Start with `start_store` (returns at once), then `start_servers` when the schema is there."""

    def __init__(
        self,
        name: str,
        accounts: Sequence[SandboxAccount],
        folder: Path,
        scheduler: Scheduler,
        objects: PresignedClient,
    ):
        self.name = name
        self.callers = [account for account in accounts if account.region == name]
        """Whoever has a key for the API: the accounts and their EIM users."""
        self._scheduler = scheduler
        self._objects = objects
        owners = [caller for caller in self.callers if not caller.is_eim_user]
        keys = {account.profile: account.access_key for account in owners}
        self._buckets = {bucket: [keys[profile]] for bucket, profile in BUCKETS[name].items()}
        self.store = ObjectStore(name, owners, self._buckets, folder / name)
        self.state: RegionState
        self.api: ApiApp
        self._servers: list[Server] = []
        self.api_url = ""
        self.oos_url = ""

    def start_store(self) -> None:
        """Returns when the store is ready."""
        self.store.start()
        self.store.wait_ready()

    def start_servers(
        self,
        schema: OpenApi,
        endpoints: Mapping[str, str],
        faults: Faults,
        request_log: RecordedRequests,
        own_agent: str,
    ) -> None:
        """Serve API and storage, both watched; `endpoints` may be filled in later."""
        profiles = {caller.access_key: caller.profile for caller in self.callers}
        state = RegionState(self.name, self.callers, SandboxSettings(), self._scheduler.now)
        self.api = ApiApp(state, self._work(state), schema, endpoints, self.callers)
        front = S3Proxy(self.name, self.store)

        def describe_api(scope: Scope) -> tuple[str, str | None]:
            return action_of(scope), named_access_key(headers_of(scope))

        def describe_oos(scope: Scope) -> tuple[str, str | None]:
            return S3Proxy.action(scope), S3Proxy.access_key(scope)

        api = ProxiedEndpoint("api", self.name, describe_api, profiles, own_agent)
        oos = ProxiedEndpoint("oos", self.name, describe_oos, profiles, own_agent)
        servers = (
            Server(FaultProxy(self.api, api, faults, request_log)),
            Server(FaultProxy(front, oos, faults, request_log)),
        )
        for server in servers:
            server.start()
            self._servers.append(server)
        self.api_url, self.oos_url = (server.url for server in servers)
        self._objects.allow(self.oos_url)

    def begin(self, settings: SandboxSettings) -> None:
        """A new world, as it is sown."""
        self.state = RegionState(self.name, self.callers, settings, self._scheduler.now)
        add_fixtures(self.state)
        self.api.renew(self.state, self._work(self.state))

    def empty_buckets(self) -> None:
        """Take away every object, and every bucket that an export made."""
        self.store.drop_made()
        for bucket in self._buckets:
            self.store.empty(bucket)

    def stop(self) -> None:
        """Servers first, so that nobody asks a store that is gone."""
        for server in self._servers:
            server.stop()
        self.store.stop()

    def _work(self, state: RegionState) -> RegionWorkers:
        exporter = ExportWorker(state, self._scheduler, self._objects, self.oos_url, self.store)
        return RegionWorkers(exporter, ImportWorker(state, self._scheduler, self._objects))
