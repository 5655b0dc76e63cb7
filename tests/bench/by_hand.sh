#!/usr/bin/env bash
# Copies one image by the documented procedure, with osc-cli and aws-cli, as an operator would script it.
# by_hand.sh FROM TO BUCKET IMAGE NAME   prints the new image's ID. FROM and TO are profiles of both tools.
# POLL is the pause between two looks, in seconds.
set -euo pipefail
from=$1 to=$2 bucket=$3 image=$4 name=$5

value() { # the first value of that name in an answer, into $REPLY
  [[ $2 =~ \"$1\":\ \"([^\"]*)\" ]] && REPLY=${BASH_REMATCH[1]}
}

wait_until() { # STATE COMMAND...: until the command's answer says so
  local wanted=$1 answer
  while true; do
    answer=$("${@:2}")
    value State "$answer"
    [[ $REPLY != "$wanted" ]] || return 0
    [[ $REPLY != failed && $REPLY != cancelled ]] || { echo "$image: $REPLY" >&2; exit 1; }
    sleep "${POLL:-5}"
  done
}

answer=$(osc-cli api CreateImageExportTask --profile "$from" --ImageId "$image" \
  --OsuExport "{\"DiskImageFormat\": \"qcow2\", \"OsuBucket\": \"$bucket\"}")
value TaskId "$answer" && task=$REPLY
value OsuPrefix "$answer" && prefix=$REPLY
wait_until completed osc-cli api ReadImageExportTasks --profile "$from" --Filters "{\"TaskIds\": [\"$task\"]}"

url=$(aws s3 presign "s3://$bucket/${prefix}manifest" --expires-in 604800 --profile "$from")

answer=$(osc-cli api CreateImage --profile "$to" --ImageName "$name" --FileLocation "$url")
value ImageId "$answer" && copy=$REPLY
wait_until available osc-cli api ReadImages --profile "$to" --Filters "{\"ImageIds\": [\"$copy\"]}"
echo "$copy"
