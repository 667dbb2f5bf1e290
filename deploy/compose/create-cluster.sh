#!/bin/sh
# Usage: create-cluster.sh NODE NODE NODE [REPLICA REPLICA REPLICA]     each as IP:PORT
#
# Makes one Redis Cluster of running, cluster-enabled servers: the first half are masters, the second half their
# replicas. Every step looks first at what is there already, so it may be interrupted, repeated, and run on a
# cluster that is complete or whose roles a failover has changed.
set -eu

limit_seconds=60
if [ $(($# % 2)) = 1 ] || [ $# -lt 6 ]; then
  echo "usage: create-cluster.sh IP:PORT... (an even number, at least 6)" >&2
  exit 2
fi
count=$#
masters=$((count / 2))

cli() {
  node=$1
  shift
  redis-cli -h "${node%:*}" -p "${node##*:}" "$@"
}

# Repeats a command until it succeeds.
await() {  # await WHAT COMMAND...
  what=$1
  shift
  left=$limit_seconds
  until "$@" 2>/dev/null; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "gave up after $limit_seconds s: $what" >&2; exit 1; }
    sleep 1
  done
}

is_up() { [ "$(cli "$1" PING)" = PONG ]; }
knows_all() { [ "$(cli "$1" CLUSTER NODES | awk '$3 !~ /handshake|noaddr/' | wc -l)" -ge "$count" ]; }
# A node that was shortly away may miss its invitation, so they are repeated until all are there.
all_met() {  # all_met NODE...: the first invites the others
  if knows_all "$1"; then return 0; fi
  for guest; do cli "$1" CLUSTER MEET "${guest%:*}" "${guest##*:}" >/dev/null; done
  return 1
}
is_ok() { cli "$1" CLUSTER INFO | tr -d '\r' | grep -qx cluster_state:ok; }
is_empty_master() { cli "$1" CLUSTER NODES | awk '$3 ~ /myself,master/ && NF == 8 { found = 1 } END { exit !found }'; }

take_slots() {  # take_slots NODE FIRST LAST
  reply=$(cli "$1" CLUSTER ADDSLOTSRANGE "$2" "$3")
  case "$reply" in
    OK | *"already busy"*) ;;
    *) echo "$1: $reply" >&2 && exit 1 ;;
  esac
}
follow() { [ "$(cli "$1" CLUSTER REPLICATE "$2")" = OK ]; }  # follow REPLICA MASTER-ID

for node; do await "$node does not answer" is_up "$node"; done

await "$1 does not meet the others" all_met "$@"
for node; do await "$node does not know the others" knows_all "$node"; done

i=0
for node; do
  [ "$i" -lt "$masters" ] || break
  take_slots "$node" $((16384 * i / masters)) $((16384 * (i + 1) / masters - 1))
  i=$((i + 1))
done

masters_left=$masters
ids=
for node; do
  if [ "$masters_left" -gt 0 ]; then
    ids="$ids $(cli "$node" CLUSTER MYID)"
    masters_left=$((masters_left - 1))
    continue
  fi
  id=${ids# }
  id=${id%% *}
  ids=${ids#" $id"}
  if is_empty_master "$node"; then await "$node does not become a replica" follow "$node" "$id"; fi
done

for node; do await "$node does not see a complete cluster" is_ok "$node"; done
echo "The cluster is complete."
