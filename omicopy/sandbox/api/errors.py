"""The API's refusals: the service's codes, types and HTTP statuses, as far as they are known.

Sources: code and type from the list of gateway errors that OUTSCALE's own SDK ships; statuses of 1, 6, 24, 25 and the
family 9xxx from OUTSCALE's public page of API errors and from answers that users printed. Measured by others against
the real service: an unknown access key is 400 / 4120, a wrong signature 401 / 1, a missing right 403 / 4, each with the
details shown here; a snapshot in use is 409 / 9094. Seen by OUTSCALE's own integration tests: what stands from 5023 to
8019 above the line, and `PendingImageLimitExceeded`. Everything else about statuses, and which code of a family a case
gets, is a guess; the guesses stand below the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from omicopy.sandbox.model.behaviours import Variant
from omicopy.sandbox.model.task_behaviours import LimitCode


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way to say no."""

    code: str
    type: str
    status: int
    details: str = ""


class No(Enum):
    """Every refusal the sandbox can answer."""

    WRONG_SIGNATURE = Refusal("1", "AccessDenied", 401)
    NOT_POST = Refusal("2", "AccessDenied", 405)
    NO_RIGHT = Refusal("4", "AccessDenied", 403, "You are not authorized to perform this action.")
    PLATFORM_THROTTLE = Refusal("6", "AccessDenied", 503, "Request rate exceeded")
    UNKNOWN_AUTHORIZATION = Refusal("12", "AccessDenied", 401)
    ACCOUNT_THROTTLE = Refusal("24", "AccessDenied", 429, "Request rate exceeded.")
    CALL_THROTTLE = Refusal("25", "AccessDenied", 429, "Request rate exceeded.")
    UNKNOWN_KEY = Refusal("4120", "InvalidParameterValue", 400)
    NO_SUCH_IMAGE = Refusal("5023", "InvalidResource", 400, "The ImageId doesn't exist.")
    SNAPSHOT_IN_USE = Refusal("9094", "ResourceConflict", 409)
    NOT_YOURS = Refusal("5", "AccessDenied", 401, "You are not the owner of the resource.")
    EXCLUDED = Refusal("3002", "InvalidParameter", 400)
    NO_SUCH_HOST = Refusal("4074", "InvalidParameterValue", 400, "The FileLocation names no host.")
    NO_URL = Refusal("4075", "InvalidParameterValue", 400, "The FileLocation is no URL.")
    WRONG_ID_PREFIX = Refusal("4104", "InvalidParameterValue", 400)
    MALFORMED_ID = Refusal("4105", "InvalidParameterValue", 400)
    NO_SUCH_TASK = Refusal("5058", "InvalidResource", 400)
    NOT_EXPORTABLE = Refusal("8017", "OperationNotSupported", 400, "The image can't be exported.")
    BETWEEN_REGIONS = Refusal("8019", "OperationNotSupported", 400, "Images can't be copied between Regions.")
    OLDER_LIMIT = Refusal("PendingImageLimitExceeded", "", 400)
    # Known to exist; that the case at hand gets this code, or this status, is a guess.
    NOT_SIGNED = Refusal("1", "AccessDenied", 401, "The request is not signed.")
    CLOCK_SKEW = Refusal("1", "AccessDenied", 401, "The date of the request is too far from the service's.")
    NO_PARAMETER = Refusal("3001", "InvalidParameter", 400)
    NO_BUCKET = Refusal("4002", "InvalidParameterValue", 400)
    BAD_FILTER = Refusal("4023", "InvalidParameterValue", 400)
    BAD_IMAGE_NAME = Refusal("4026", "InvalidParameterValue", 400, "The ImageName is not valid.")
    NO_MANIFEST = Refusal("4040", "InvalidParameterValue", 400, "The file is not a manifest.")
    BAD_MANIFEST = Refusal("4041", "InvalidParameterValue", 400)
    BAD_PARAMETER = Refusal("4045", "InvalidParameterValue", 400)
    BAD_COMBINATION = Refusal("4046", "InvalidParameterValue", 400)
    BAD_VALUE = Refusal("4047", "InvalidParameterValue", 400)
    BAD_TAG_KEY = Refusal("4069", "InvalidParameterValue", 400)
    BAD_TAG_VALUE = Refusal("4071", "InvalidParameterValue", 400)
    OSU_UNREACHABLE = Refusal("4088", "InvalidParameterValue", 400)
    BAD_TOKEN = Refusal("4091", "InvalidParameterValue", 400, "The NextPageToken is not valid.")
    UNKNOWN_VERSION = Refusal("4094", "InvalidParameterValue", 400)
    NOT_VALID = Refusal("4095", "InvalidParameterValue", 400)
    TOO_LONG = Refusal("4106", "InvalidParameterValue", 400)
    WRONG_TYPE = Refusal("4108", "InvalidParameterValue", 400)
    NO_SUCH_CALL = Refusal("5011", "InvalidResource", 404, "The call doesn't exist.")
    NO_SUCH_RESOURCE = Refusal("5044", "InvalidResource", 400)
    NO_SUCH_SNAPSHOT = Refusal("5054", "InvalidResource", 400)
    NO_SUCH_VM = Refusal("5063", "InvalidResource", 400)
    IMAGE_STATE = Refusal("6001", "InvalidState", 409)
    STATE = Refusal("6003", "InvalidState", 409)
    NAME_TAKEN = Refusal("9015", "ResourceConflict", 409, "The ImageName is already used.")
    EXPORTS_IN_FLIGHT = Refusal("10008", "TooManyResources (QuotaExceded)", 400)
    COPIES_IN_FLIGHT = Refusal("10008", "TooManyResources (QuotaExceded)", 400)
    SNAPSHOT_QUOTA = Refusal("10026", "TooManyResources (QuotaExceded)", 400)
    ONLY_WORDS = Refusal("", "", 400)
    INTERNAL = Refusal("2000", "InternalError", 500)


class ApiError(Exception):
    """A request is refused. `details` takes the place of the refusal's own."""

    def __init__(self, no: No, details: str | None = None) -> None:
        super().__init__(f"{no.name}: {details or no.value.details}")
        self.refusal = no.value
        self.details = no.value.details if details is None else details


def error_body(refusal: Refusal, details: str, request_id: str) -> dict[str, object]:
    """The answer's body, in the service's shape."""
    error = {"Code": refusal.code, "Type": refusal.type, "Details": details}
    said = {name: text for name, text in error.items() if text or refusal is not No.ONLY_WORDS.value}
    return {"ResponseContext": {"RequestId": request_id}, "Errors": [said]}


def limit_reached(variant: Variant, known: No, limit: int, what: str) -> ApiError:
    """The refusal of one more than a quota has, in the words of OUTSCALE's integration tests."""
    refusals = {LimitCode.KNOWN: known, LimitCode.WORDS: No.ONLY_WORDS, LimitCode.OLDER: No.OLDER_LIMIT}
    return ApiError(refusals[variant.limit_code], f"The limit has exceeded: {limit}.Limit for {what} has been reached.")
