"""One Region: its state, its API, its object storage, and the servers of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.types import Scope

from omicopy.sandbox.api.actions.call import ApiBackend
from omicopy.sandbox.api.app import ApiApp, action_of, headers_of
from omicopy.sandbox.api.openapi import OpenApi
from omicopy.sandbox.api.signature import named_access_key
from omicopy.sandbox.export_worker import ExportWorker
from omicopy.sandbox.fault_proxy import FaultProxy, ProxiedEndpoint
from omicopy.sandbox.import_worker import ImportWorker
from omicopy.sandbox.model.faults import Faults
from omicopy.sandbox.model.fixtures import add_fixtures
from omicopy.sandbox.model.region_state import RegionState
from omicopy.sandbox.model.request_log import RecordedRequests
from omicopy.sandbox.model.settings import BUCKETS, SandboxAccount, SandboxSettings
from omicopy.sandbox.process.scheduler import Scheduler
from omicopy.sandbox.process.server import Server
from omicopy.sandbox.storage.object_store import ObjectStore
from omicopy.sandbox.storage.presigned_objects import PresignedClient
from omicopy.sandbox.storage.s3_proxy import S3Proxy
from omicopy.sandbox.storage.s3_request import S3Request


class Region:
    """Start it with `start_store`, then `start_servers`. `reset` brings it back to the start."""

    state: RegionState
    api: ApiApp
    api_url: str
    oos_url: str

    def __init__(
        self,
        name: str,
        accounts: Sequence[SandboxAccount],
        folder: Path,
        scheduler: Scheduler,
        objects: PresignedClient,
    ) -> None:
        self.name = name
        self._callers = [account for account in accounts if account.region == name]
        self._scheduler = scheduler
        self._objects = objects
        owners = [caller for caller in self._callers if not caller.is_eim_user]
        keys = {account.profile: account.access_key for account in owners}
        self._buckets = {bucket: [keys[profile]] for bucket, profile in BUCKETS[name].items()}
        self._store = ObjectStore(name, owners, self._buckets, folder / name)
        self._servers: list[Server] = []

    def start_store(self) -> None:
        """Returns when the object store is ready."""
        self._store.start()
        self._store.wait_ready()

    def start_servers(
        self,
        openapi: OpenApi,
        endpoints: Mapping[str, str],
        faults: Faults,
        request_log: RecordedRequests,
        service_agent: str,
        settings: SandboxSettings,
    ) -> None:
        """Starts the servers of the API and of object storage. `endpoints` may be filled in later."""
        profiles = {caller.access_key: caller.profile for caller in self._callers}
        oos = ProxiedEndpoint("oos", self.name, _describe_oos, profiles, service_agent)
        oos_server = Server(FaultProxy(S3Proxy(self.name, self._store), oos, faults, request_log))
        self.oos_url = oos_server.url
        self._objects.allow(self.oos_url)
        self.api = ApiApp(self._new_backend(settings), openapi, endpoints, self._callers)
        api = ProxiedEndpoint("api", self.name, _describe_api, profiles, service_agent)
        api_server = Server(FaultProxy(self.api, api, faults, request_log))
        self.api_url = api_server.url
        for server in (oos_server, api_server):
            server.start()
            self._servers.append(server)

    def reset(self, settings: SandboxSettings) -> None:
        """Replaces the state by that of the start."""
        self.api.replace_backend(self._new_backend(settings))

    def empty_buckets(self) -> None:
        """Deletes every object, and every bucket that an export created."""
        self._store.delete_created()
        for bucket in self._buckets:
            self._store.empty(bucket)

    def stop(self) -> None:
        """Stops the servers, then the store, so that no request reaches a store that has ended."""
        for server in self._servers:
            server.stop()
        self._store.stop()

    def _new_backend(self, settings: SandboxSettings) -> ApiBackend:
        self.state = RegionState(self.name, self._callers, settings, self._scheduler.now)
        add_fixtures(self.state)
        exports = ExportWorker(self.state, self._scheduler, self._objects, self.oos_url, self._store)
        return ApiBackend(self.state, exports, ImportWorker(self.state, self._scheduler, self._objects))


def _describe_api(scope: Scope) -> tuple[str, str | None]:
    return action_of(scope), named_access_key(headers_of(scope))


def _describe_oos(scope: Scope) -> tuple[str, str | None]:
    request = S3Request.of(scope)
    return request.action, request.access_key
