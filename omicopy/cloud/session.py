"""One account at work: its API, its object storage, and the URLs that its key signs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from omicopy.cloud.profiles.profile import STORAGE_HINT, Account
from omicopy.errors import ErrorCode, OmicopyError, attempt
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import MAX_EXPIRY, PresignedUrl

if TYPE_CHECKING:
    from omicopy.cloud.api import Api
    from omicopy.cloud.clients import Clients
    from omicopy.cloud.object_storage import Storage
    from omicopy.cloud.url_reader import UrlReader
    from omicopy.model.request import AccountRef
    from omicopy.model.urls.refusal import Refusal

_A_MOMENT = timedelta(hours=1)
"""The life of a URL that is used at once."""
_NOT_THERE = (
    "Check the bucket's name, the key, and that the bucket is in this profile's Region. A folder is written with a "
    "slash at its end."
)


class AccountSession:
    """The clients of one account. Each is created, and its SDK loaded, at its first use."""

    def __init__(self, account: Account, clients: Clients) -> None:
        """`clients` makes what it works with."""
        self.account = account
        self.clients = clients
        self._api: Api | None = None
        self._storage: Storage | None = None
        self._ref: AccountRef | None = None

    @property
    def profile(self) -> str:
        return self.account.profile

    @property
    def patience(self) -> float:
        """Seconds for which one read is repeated."""
        return self.clients.patience

    @property
    def ref(self) -> AccountRef:
        """Which account it is, read when first asked for. Raises what `identify` raises."""
        if self._ref is None:
            from omicopy.cloud.queries import identify

            self._ref = identify(self)
        return self._ref

    @property
    def api(self) -> Api:
        if self._api is None:
            self._api = self.clients.make_api(self.account)
        return self._api

    @property
    def storage(self) -> Storage:
        """Raises DENIED where there is no key for it."""
        if self._storage is None:
            self._storage = self.clients.make_storage(self.account)
        return self._storage

    @property
    def storage_refusal(self) -> OmicopyError | None:
        """DENIED where no key opens the object storage, as far as is known: none was given, or the store has said that
        it does not know it."""
        found = attempt(self.account.require_storage_key)
        if isinstance(found, OmicopyError):
            return found
        if self._storage is None or self._storage.key_refusal is None:
            return None
        message = f"The object storage does not know the access key of {self.account.signer!r}"
        return OmicopyError(ErrorCode.DENIED, message, f"An EIM user's key works for the API alone. {STORAGE_HINT}")

    @property
    def url_reader(self) -> UrlReader:
        return self.clients.fetcher()

    def prepare_storage(self) -> None:
        """Makes what reads buckets, where there is a key, and URLs: once, before threads ask for it."""
        if self.storage_refusal is None:
            self.storage  # noqa: B018
        self.clients.fetcher()

    def presign(
        self,
        location: S3Object,
        expires: timedelta = MAX_EXPIRY,
        method: Literal["GET", "PUT"] = "GET",
        content_type: str | None = None,
    ) -> PresignedUrl:
        """A URL that its key signs; see `omicopy.cloud.presign`."""
        from omicopy.cloud.presign import presign

        return presign(self.account, location, expires, method, content_type)

    def read_object(self, location: S3Object, url: PresignedUrl | None = None) -> bytes:
        """The object, read through a URL that was just signed: `url`, or one of its own.

        Raises DENIED where the store refuses the signature, NOT_FOUND, or a ServiceError.
        """
        from omicopy.cloud.url_reader import UrlRefused

        try:
            return self.url_reader.read(url or self.presign(location, _A_MOMENT))
        except UrlRefused as error:
            raise self.refused(location, error.refusal) from None
        except OmicopyError as error:
            if error.code is ErrorCode.NOT_FOUND:
                raise OmicopyError(ErrorCode.NOT_FOUND, f"There is no object {location}", _NOT_THERE) from None
            raise

    def refused(self, location: S3Object, refusal: Refusal) -> OmicopyError:
        """DENIED: why the store refuses a URL of an object that this key has just signed."""
        message = f"The store refuses a URL of {location} signed with the profile {self.account.signer!r}"
        return OmicopyError(ErrorCode.DENIED, f"{message}: {refusal.message}", refusal.own_hint)
