"""Two OUTSCALE Regions on this machine, for tests and for trying omicopy out.

It imports nothing of the rest of omicopy, so that it cannot share a mistake with the code it tests. Its packages import
one way only: `model` <- `process` <- `storage` <- `api` <- the files of this folder.
"""
