"""One place that makes clients: each account's API and storage once, and its SDK loaded, when first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from omicopy.cloud.http.network import Network
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.key_gate import KeyGate
from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.retry import Pace
from omicopy.cloud.session import AccountSession
from omicopy.errors import Interrupted
from omicopy.model.result import CallCount
from omicopy.model.units import format_duration

if TYPE_CHECKING:
    from omicopy.cloud.api import Api
    from omicopy.cloud.http.transport import Transport
    from omicopy.cloud.object_storage import Storage
    from omicopy.cloud.url_reader import UrlReader

MAX_READ_RETRY = 30.0
"""Seconds for which one read is repeated before the caller hears of it; what lasts longer is for the loop to bear."""
TOLERATED_SKEW = timedelta(seconds=60)
"""Between this machine's clock and a service's."""


@dataclass(slots=True)
class Clients:
    """The clients of every account that takes part, by profile. `retry` bounds one read.

    The first that is asked for raises CONFIGURATION when a proxy or a certificate of any account can't be used: before
    anything is sent to anybody.
    """

    accounts: Mapping[str, Account]
    time_limit: TimeLimit = field(default_factory=TimeLimit)
    """For every answer, and for all of them: what is left of --deadline."""
    network: Network = field(default_factory=lambda: Network(os.environ))
    retry: timedelta = timedelta(seconds=MAX_READ_RETRY)
    tell: Callable[[str], None] = lambda _: None
    """Is called with each failure that the user waits for."""
    allow_http: bool = False
    """Use the URL that a task shows by plain http, too, where its store has no https."""
    _apis: dict[str, Api] = field(default_factory=dict)
    _sessions: dict[str, AccountSession] = field(default_factory=dict)
    _gates: dict[tuple[str, ...], KeyGate] = field(default_factory=dict)
    _fetcher: UrlReader | None = None
    _transport: Transport | None = None

    @property
    def patience(self) -> float:
        """Seconds for which one read is repeated."""
        return min(self.retry.total_seconds(), MAX_READ_RETRY)

    def session(self, profile: str) -> AccountSession:
        """Returns the session of the profile's account, always the same one."""
        if profile not in self._sessions:
            self._sessions[profile] = AccountSession(self.accounts[profile], self)
        return self._sessions[profile]

    def prepare(self, profiles: Iterable[str]) -> None:
        """Makes the clients of these profiles' APIs: once, before threads ask for them."""
        for profile in profiles:
            self.session(profile).api  # noqa: B018

    def make_api(self, account: Account) -> Api:
        from omicopy.cloud.api import Api

        gate = self._gate(account.api_endpoint, account.access_key, account.secret_key)
        return self._apis.setdefault(
            account.profile, Api(account, self.transport, Pace(time_limit=self.time_limit), self.tell, gate)
        )

    def make_storage(self, account: Account) -> Storage:
        """Raises DENIED where the account has no key for it."""
        from omicopy.cloud.object_storage import Storage

        key = account.require_storage_key()
        gate = self._gate(account.oos_endpoint, key.access_key, key.secret_key)
        if (key.access_key, key.secret_key) == (account.access_key, account.secret_key):
            gate.before = self._gate(account.api_endpoint, account.access_key, account.secret_key)
        return Storage(account, self.transport, Pace(time_limit=self.time_limit), self.patience, gate)

    def fetcher(self) -> UrlReader:
        if self._fetcher is None:
            from omicopy.cloud.url_reader import UrlReader

            self._fetcher = UrlReader(self.transport, Pace(time_limit=self.time_limit), self.patience)
        return self._fetcher

    def clocks_ahead(self) -> dict[str, timedelta]:
        """By how much this machine's clock is ahead of each account's service, and of the store behind a signed URL."""
        ahead = {f"{name}'s service": api.clock_ahead for name, api in self._apis.items()}
        ahead["the object storage"] = self._fetcher.clock_ahead if self._fetcher else None
        return {whose: by for whose, by in ahead.items() if by is not None}

    def warn_of_clocks(self) -> None:
        """Tells of each clock that differs from this machine's: with a wrong one here, signed URLs expire too soon."""
        for whose, ahead in self.clocks_ahead().items():
            if abs(ahead) > TOLERATED_SKEW:
                way = "ahead of" if ahead > timedelta(0) else "behind"
                self.tell(f"This machine's clock is {format_duration(abs(ahead))} {way} that of {whose}. Set it right.")

    def counts(self) -> dict[str, CallCount]:
        """As they are now: a thread that an interruption leaves behind may go on counting."""
        return {profile: replace(api.count) for profile, api in self._apis.items()}

    @contextmanager
    def counted(self) -> Iterator[None]:
        """An interruption in here tells how many requests were sent."""
        try:
            yield
        except Interrupted as interruption:
            interruption.api_calls = self.counts()
            raise

    def _gate(self, *key: str) -> KeyGate:
        """One for each key at each endpoint, however many profiles it stands in."""
        return self._gates.setdefault(key, KeyGate())

    @property
    def transport(self) -> Transport:
        """The transport that all clients share."""
        if self._transport is None:
            from omicopy.cloud.http.transport import Transport

            self._check()
            self._transport = Transport(self.network, self.time_limit)
        return self._transport

    def _check(self) -> None:
        self.network.check()
        for account in self.accounts.values():
            self.network.proxy_for(account.api_endpoint)
            self.network.proxy_for(account.oos_endpoint)
            if account.client_cert is not None:
                self.network.tls(account.client_cert)
