"""The errors of the API: codes, types and HTTP statuses of the service, as far as they are known.

Sources:
- codes and types: the list of gateway errors in OUTSCALE's SDK
- statuses of 1, 6, 24, 25 and 9xxx: OUTSCALE's public page of API errors, and answers that users published
- 400/4120 for an unknown access key, 401/1 for a wrong signature, 403/4 for a missing right, 409/9094 for a snapshot in
  use: measured by others against the real service, with the details given here
- 5023 to 8019 above the comment line, and `PendingImageLimitExceeded`: OUTSCALE's integration tests

All other statuses, and the choice among similar codes, are guesses. They stand below the comment line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from omicopy.sandbox.model.behaviours import Behaviour
from omicopy.sandbox.model.task_behaviours import LimitCode


@dataclass(frozen=True, slots=True)
class ApiRefusal:
    """Code, type, HTTP status and default details of an error."""

    code: str
    type: str
    status: int
    details: str = ""


class ApiErrorKind(Enum):
    """The errors that the sandbox can answer."""

    WRONG_SIGNATURE = ApiRefusal("1", "AccessDenied", 401)
    NOT_POST = ApiRefusal("2", "AccessDenied", 405)
    NO_RIGHT = ApiRefusal("4", "AccessDenied", 403, "You are not authorized to perform this action.")
    PLATFORM_THROTTLE = ApiRefusal("6", "AccessDenied", 503, "Request rate exceeded")
    UNKNOWN_AUTHORIZATION = ApiRefusal("12", "AccessDenied", 401)
    ACCOUNT_THROTTLE = ApiRefusal("24", "AccessDenied", 429, "Request rate exceeded.")
    CALL_THROTTLE = ApiRefusal("25", "AccessDenied", 429, "Request rate exceeded.")
    UNKNOWN_KEY = ApiRefusal("4120", "InvalidParameterValue", 400)
    NO_SUCH_IMAGE = ApiRefusal("5023", "InvalidResource", 400, "The ImageId doesn't exist.")
    SNAPSHOT_IN_USE = ApiRefusal("9094", "ResourceConflict", 409)
    NOT_YOURS = ApiRefusal("5", "AccessDenied", 401, "You are not the owner of the resource.")
    EXCLUDED = ApiRefusal("3002", "InvalidParameter", 400)
    NO_SUCH_HOST = ApiRefusal("4074", "InvalidParameterValue", 400, "The FileLocation names no host.")
    NO_URL = ApiRefusal("4075", "InvalidParameterValue", 400, "The FileLocation is no URL.")
    WRONG_ID_PREFIX = ApiRefusal("4104", "InvalidParameterValue", 400)
    MALFORMED_ID = ApiRefusal("4105", "InvalidParameterValue", 400)
    NO_SUCH_TASK = ApiRefusal("5058", "InvalidResource", 400)
    NOT_EXPORTABLE = ApiRefusal("8017", "OperationNotSupported", 400, "The image can't be exported.")
    BETWEEN_REGIONS = ApiRefusal("8019", "OperationNotSupported", 400, "Images can't be copied between Regions.")
    OLDER_LIMIT = ApiRefusal("PendingImageLimitExceeded", "", 400)
    # Guesses: these codes exist, but the case at hand may get another code or another status.
    NOT_SIGNED = ApiRefusal("1", "AccessDenied", 401, "The request is not signed.")
    CLOCK_SKEW = ApiRefusal("1", "AccessDenied", 401, "The date of the request is too far from the service's.")
    NO_PARAMETER = ApiRefusal("3001", "InvalidParameter", 400)
    NO_BUCKET = ApiRefusal("4002", "InvalidParameterValue", 400)
    BAD_FILTER = ApiRefusal("4023", "InvalidParameterValue", 400)
    BAD_IMAGE_NAME = ApiRefusal("4026", "InvalidParameterValue", 400, "The ImageName is not valid.")
    NO_MANIFEST = ApiRefusal("4040", "InvalidParameterValue", 400, "The file is not a manifest.")
    BAD_MANIFEST = ApiRefusal("4041", "InvalidParameterValue", 400)
    BAD_PARAMETER = ApiRefusal("4045", "InvalidParameterValue", 400)
    BAD_COMBINATION = ApiRefusal("4046", "InvalidParameterValue", 400)
    BAD_VALUE = ApiRefusal("4047", "InvalidParameterValue", 400)
    BAD_TAG_KEY = ApiRefusal("4069", "InvalidParameterValue", 400)
    BAD_TAG_VALUE = ApiRefusal("4071", "InvalidParameterValue", 400)
    OSU_UNREACHABLE = ApiRefusal("4088", "InvalidParameterValue", 400)
    BAD_TOKEN = ApiRefusal("4091", "InvalidParameterValue", 400, "The NextPageToken is not valid.")
    UNKNOWN_VERSION = ApiRefusal("4094", "InvalidParameterValue", 400)
    NOT_VALID = ApiRefusal("4095", "InvalidParameterValue", 400)
    TOO_LONG = ApiRefusal("4106", "InvalidParameterValue", 400)
    WRONG_TYPE = ApiRefusal("4108", "InvalidParameterValue", 400)
    NO_SUCH_CALL = ApiRefusal("5011", "InvalidResource", 404, "The call doesn't exist.")
    NO_SUCH_RESOURCE = ApiRefusal("5044", "InvalidResource", 400)
    NO_SUCH_SNAPSHOT = ApiRefusal("5054", "InvalidResource", 400)
    NO_SUCH_VM = ApiRefusal("5063", "InvalidResource", 400)
    IMAGE_STATE = ApiRefusal("6001", "InvalidState", 409)
    STATE = ApiRefusal("6003", "InvalidState", 409)
    NAME_TAKEN = ApiRefusal("9015", "ResourceConflict", 409, "The ImageName is already used.")
    EXPORTS_IN_FLIGHT = ApiRefusal("10008", "TooManyResources (QuotaExceded)", 400)
    COPIES_IN_FLIGHT = ApiRefusal("10008", "TooManyResources (QuotaExceded)", 400)
    SNAPSHOT_QUOTA = ApiRefusal("10026", "TooManyResources (QuotaExceded)", 400)
    ONLY_WORDS = ApiRefusal("", "", 400)
    INTERNAL = ApiRefusal("2000", "InternalError", 500)


class ApiError(Exception):
    """A request is refused. `details` replaces the default details."""

    def __init__(self, no: ApiErrorKind, details: str | None = None) -> None:
        super().__init__(f"{no.name}: {details or no.value.details}")
        self.refusal = no.value
        self.details = no.value.details if details is None else details


def error_body(refusal: ApiRefusal, details: str, request_id: str) -> dict[str, object]:
    """Returns the body of the answer, in the service's form."""
    error = {"Code": refusal.code, "Type": refusal.type, "Details": details}
    shown = {name: text for name, text in error.items() if text or refusal is not ApiErrorKind.ONLY_WORDS.value}
    return {"ResponseContext": {"RequestId": request_id}, "Errors": [shown]}


def limit_reached(behaviour: Behaviour, known: ApiErrorKind, limit: int, what: str) -> ApiError:
    """Returns the error for a used-up quota, worded as in OUTSCALE's integration tests."""
    refusals = {
        LimitCode.KNOWN: known,
        LimitCode.WORDS: ApiErrorKind.ONLY_WORDS,
        LimitCode.OLDER: ApiErrorKind.OLDER_LIMIT,
    }
    return ApiError(
        refusals[behaviour.limit_code], f"The limit has exceeded: {limit}.Limit for {what} has been reached."
    )
