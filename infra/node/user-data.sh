#!/bin/sh
# Prints the user data of a launch template whose image lacks the script and the unit: cloud-config.yaml with both in it.
#
#   infra/node/user-data.sh demo >user-data.yaml
set -eu

cluster=${1:?the name of the cluster, as in the tag lamplighter:cluster of the group}
cd "$(dirname "$0")"

packed() {
    gzip -9 -n -c "$1" | base64 | tr -d '\n'
}

sed -e "s|@CLUSTER@|$cluster|" -e "s|@SCRIPT@|$(packed lamplighter-join.sh)|" \
    -e "s|@UNIT@|$(packed lamplighter-join.service)|" cloud-config.yaml
