"""The calls of the API that the sandbox answers, one file per kind of resource."""

from omicopy.sandbox.actions import account, exports, images, images_write, snapshots, tags
from omicopy.sandbox.actions.call import Action

ACTIONS: dict[str, Action] = {
    **account.ACTIONS,
    **exports.ACTIONS,
    **images.ACTIONS,
    **images_write.ACTIONS,
    **snapshots.ACTIONS,
    **tags.ACTIONS,
}
