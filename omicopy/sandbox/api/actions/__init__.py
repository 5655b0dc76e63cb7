"""The actions of the API that the sandbox has, one file per kind of resource."""

from omicopy.sandbox.api.actions import account, exports, images, images_write, snapshots, tags
from omicopy.sandbox.api.actions.call import Action

ACTIONS: dict[str, Action] = {
    **account.ACTIONS,
    **exports.ACTIONS,
    **images.ACTIONS,
    **images_write.ACTIONS,
    **snapshots.ACTIONS,
    **tags.ACTIONS,
}
