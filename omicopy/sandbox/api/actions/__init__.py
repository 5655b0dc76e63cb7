"""The actions of the API that the sandbox has, one file per kind of resource."""

from omicopy.sandbox.api.actions import account, exports, images, images_write, snapshots, tags
from omicopy.sandbox.api.actions.call import Action

ACTIONS: dict[str, Action] = {
    "CreateImage": images_write.create_image,
    "CreateImageExportTask": exports.create_image_export_task,
    "CreateTags": tags.create_tags,
    "DeleteExportTask": exports.delete_export_task,
    "DeleteImage": images_write.delete_image,
    "DeleteSnapshot": snapshots.delete_snapshot,
    "DeleteTags": tags.delete_tags,
    "ReadAccessKeys": account.read_access_keys,
    "ReadAccounts": account.read_accounts,
    "ReadImageExportTasks": exports.read_image_export_tasks,
    "ReadImages": images.read_images,
    "ReadQuotas": account.read_quotas,
    "ReadRegions": account.read_regions,
    "ReadSnapshots": snapshots.read_snapshots,
    "ReadTags": tags.read_tags,
    "UpdateImage": images_write.update_image,
}
