#!/bin/sh
# Lets this machine join its cluster, with a token of its own.
#
# node-join leaves a document in Parameter Store that this instance alone may read:
# /lamplighter/<cluster>/join/<instance id>. This script waits for it and hands its JoinConfiguration to kubeadm. The
# document is node-join's to remove, as soon as it sees the node. This runs at every boot; on a machine that has joined
# it ends at once.
#
# Needs root, curl 7.75 or newer, jq, coreutils and kubeadm. Secrets go from process to process by pipes alone: none is
# on a command line, in a log or on a disk. README.md beside this file has the settings.
set -eu
umask 077

cluster=${LAMPLIGHTER_CLUSTER:?the name of the cluster, as in the tag lamplighter:cluster of the group}
deadline_seconds=${LAMPLIGHTER_JOIN_DEADLINE_SECONDS:-3600}
poll_min=${LAMPLIGHTER_JOIN_POLL_MIN_SECONDS:-3}
poll_max=${LAMPLIGHTER_JOIN_POLL_MAX_SECONDS:-15}
imds=${LAMPLIGHTER_IMDS_ENDPOINT:-http://169.254.169.254}
ssm=${LAMPLIGHTER_SSM_ENDPOINT:-}
run_dir=${LAMPLIGHTER_RUN_DIR:-/run/lamplighter}
kubelet_conf=${LAMPLIGHTER_KUBELET_CONF:-/etc/kubernetes/kubelet.conf}
kubeadm=${LAMPLIGHTER_KUBEADM:-kubeadm}

# The version of the document that this script understands.
document_version=1
# node-join issues a new document when 120 s of the old one are left. What is begun here must be over by then, or its
# token could be taken from under it.
least_seconds_left=180
# One answer of IMDS or Parameter Store: both take milliseconds.
request_seconds=10

join_file=$run_dir/join.json

say() {
    printf 'lamplighter-join: %s\n' "$*" >&2
}

# A whole number between $1 and $2. Machines that boot together must not ask together.
between() {
    noise=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')
    printf '%s\n' $(($1 + noise % ($2 - $1 + 1)))
}

# ---- Instance metadata, version 2 only ----

# The path $1 of the metadata. Its session token is worth nothing outside this machine, but is passed by a pipe too.
metadata() {
    session=$(curl --silent --fail --noproxy '*' --max-time "$request_seconds" --request PUT \
        --header 'x-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/latest/api/token") || return 1
    printf 'header = "x-aws-ec2-metadata-token: %s"\n' "$session" |
        curl --silent --fail --noproxy '*' --max-time "$request_seconds" --config - "$imds/latest/meta-data/$1"
}

# The credentials of the instance profile, as options for curl. They are asked for each time: they change, and a
# profile may be attached late.
signature() {
    role=$(metadata iam/security-credentials/) || return 1
    metadata "iam/security-credentials/$role" | jq --raw-output --exit-status --arg region "$region" '
        select(.Code == "Success") |
        "user = \"\(.AccessKeyId):\(.SecretAccessKey)\"",
        "header = \"x-amz-security-token: \(.Token)\"",
        "aws-sigv4 = \"aws:amz:\($region):ssm\""'
}

# ---- Parameter Store ----

# Calls action $1 with the JSON $2. Prints the body of the answer, and its status on the last line.
parameter_store() {
    options=$(signature) || return 1
    printf '%s\n' "$options" |
        curl --silent --max-time "$request_seconds" --config - \
            --header 'content-type: application/x-amz-json-1.1' --header "x-amz-target: AmazonSSM.$1" \
            --data-raw "$2" --write-out '\n%{http_code}' "$ssm"
}

# Puts the join document into $found if there is one, it is ours and it is fresh. Otherwise fails, with why in $why:
# there is no document yet, or no permission before there is one (its tag is the permission), or it is about to be
# replaced. All of these mean: wait.
document() {
    question=$(jq --null-input --compact-output --arg name "$parameter" '{Name: $name, WithDecryption: true}')
    answer=$(parameter_store GetParameter "$question") || {
        why='no answer of the instance metadata or of Parameter Store'
        return 1
    }
    body=$(printf '%s\n' "$answer" | sed '$d')
    if [ "$(printf '%s\n' "$answer" | tail -n 1)" != 200 ]; then
        why=$(printf '%s\n' "$body" | jq --raw-output '.__type // "" | sub(".*#"; "")' 2>/dev/null) || :
        why=${why:-an answer that can not be read}
        return 1
    fi
    found=$(printf '%s\n' "$body" | jq --exit-status '.Parameter.Value | fromjson' 2>/dev/null) || {
        why='a document that is no JSON'
        return 1
    }
    why=$(printf '%s\n' "$found" | jq --raw-output --arg cluster "$cluster" --arg instance "$instance" \
        --argjson version "$document_version" --argjson least "$least_seconds_left" '
        if .version != $version then "a document of version \(.version), not \($version)"
        elif .cluster != $cluster then "a document for another cluster"
        elif .instanceId != $instance then "a document for another instance"
        elif .joinConfiguration.kind != "JoinConfiguration" then "a document without a JoinConfiguration"
        elif (.expiresAtEpoch | type) != "number" or .expiresAtEpoch - now < $least then
            "a document with less than \($least) s left"
        else "" end') || why='a document that can not be read'
    [ -z "$why" ]
}

# ---- Joining ----

join() {
    # $run_dir is on tmpfs: nothing of the token reaches a disk.
    printf '%s\n' "$found" | jq .joinConfiguration >"$join_file"
    found=
    joined=0
    "$kubeadm" join --config "$join_file" || joined=$?
    rm -f "$join_file"
    [ "$joined" -eq 0 ] && return 0
    if [ -e "$kubelet_conf" ]; then
        say "kubeadm join ended with $joined, but the kubelet has its certificate: this machine has joined"
        return 0
    fi
    say "kubeadm join ended with $joined; undoing what it did"
    # A second join refuses to run on top of what the first one left: a started kubelet, its files.
    "$kubeadm" reset --force || say 'kubeadm reset failed as well'
    return 1
}

if [ -e "$kubelet_conf" ]; then
    say "$kubelet_conf exists: this machine has joined"
    exit 0
fi
deadline=$(($(date +%s) + deadline_seconds))
mkdir -p "$run_dir"
trap 'rm -f "$join_file"' EXIT
trap 'exit 143' INT TERM

instance='' region='' parameter='' why='no answer of the instance metadata'
ceiling=$poll_min
while :; do
    if [ -z "$parameter" ] && instance=$(metadata instance-id) && region=$(metadata placement/region); then
        parameter=/lamplighter/$cluster/join/$instance
        ssm=${ssm:-https://ssm.$region.$(metadata services/domain || printf amazonaws.com)/}
        say "waiting for $parameter"
    fi
    if [ -n "$parameter" ] && document; then
        say 'joining'
        if join; then
            say 'joined'
            exit 0
        fi
        why='kubeadm join failed'
    fi
    if [ "$(date +%s)" -ge "$deadline" ]; then
        say "not joined within $deadline_seconds s; last: $why"
        exit 1
    fi
    # Not asked again at once: 1 s each would be all that Parameter Store allows for 40 machines.
    ceiling=$((ceiling * 3 / 2 + 1))
    [ "$ceiling" -le "$poll_max" ] || ceiling=$poll_max
    [ "$ceiling" -ge "$poll_min" ] || ceiling=$poll_min
    sleep "$(between "$poll_min" "$ceiling")"
done
