#!/usr/bin/env bash
# Three nodes of Parlour, a load balancer before them and Redis behind them, on this machine, from Debian's packages:
#
#     apt-get install redis-server redis-sentinel nginx curl
#     cargo build --release
#     examples/cluster/start.sh            # one Redis
#     examples/cluster/start.sh sentinel   # a Redis, its replica, and three Sentinels that watch them
#
# It runs until it is told to stop (Ctrl-C, SIGTERM), and then takes everything down. Nothing is changed outside of its directory.
# Variables: PORT of the balancer (8080), DIRECTORY for data and logs (./cluster-data), PARLOUR (target/release/parlour).
set -euo pipefail

mode=${1:-one}
here=$(cd "$(dirname "$0")" && pwd)
parlour=${PARLOUR:-$here/../../target/release/parlour}
port=${PORT:-8080}
directory=${DIRECTORY:-cluster-data}
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
PATH=$PATH:/usr/sbin

case $mode in one | sentinel) ;; *) echo "start.sh [one|sentinel]" >&2; exit 2 ;; esac
[ -x "$parlour" ] || { echo "there is no $parlour: cargo build --release, or say where it is with PARLOUR" >&2; exit 1; }
for program in redis-server nginx curl; do
    command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 1; }
done

running=()
stop() {
    trap - EXIT INT TERM
    # The balancer first, so that nobody comes any more; the nodes store what they accepted; Redis last.
    for ((at = ${#running[@]} - 1; at >= 0; at--)); do
        kill "${running[at]}" 2>/dev/null || true
        wait "${running[at]}" 2>/dev/null || true
    done
}
trap stop EXIT
trap 'stop; exit 0' INT TERM

# run NAME COMMAND…: in the background, what it says goes to NAME.log.
run() {
    local name=$1
    shift
    "$@" >"$directory/$name.log" 2>&1 &
    running+=($!)
}

# wait_for WHAT COMMAND…: until it succeeds.
wait_for() {
    local what=$1
    shift
    for _ in $(seq 300); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    echo "$what does not come up; see $directory/*.log" >&2
    exit 1
}

# redis NAME PORT [OPTION…]: a server that keeps what it acknowledged to within a second, even if the machine stops.
redis() {
    local name=$1 at=$2
    shift 2
    mkdir -p "$directory/$name"
    run "$name" redis-server --port "$at" --bind 127.0.0.1 --dir "$directory/$name" --save '' \
        --appendonly yes --appendfsync everysec --maxmemory-policy noeviction "$@"
    wait_for "$name" redis-cli -p "$at" ping
}

base=$((port + 1))
redis redis-1 "$base"
store=redis://127.0.0.1:$base
if [ "$mode" = sentinel ]; then
    redis redis-2 $((base + 1)) --replicaof 127.0.0.1 "$base"
    hosts=()
    for number in 1 2 3; do
        at=$((base + 1 + number))
        mkdir -p "$directory/sentinel-$number"
        cat >"$directory/sentinel-$number/sentinel.conf" <<-END
			port $at
			bind 127.0.0.1
			sentinel monitor parlour 127.0.0.1 $base 2
			sentinel down-after-milliseconds parlour 3000
			sentinel failover-timeout parlour 10000
		END
        run "sentinel-$number" redis-sentinel "$directory/sentinel-$number/sentinel.conf"
        wait_for "sentinel-$number" redis-cli -p "$at" ping
        hosts+=("127.0.0.1:$at")
    done
    store=redis+sentinel://$(IFS=,; echo "${hosts[*]}")/parlour
fi

nodes=()
for number in 1 2 3; do
    at=127.0.0.1:$((base + 10 + number))
    run "node-$number" "$parlour" serve --config "$here/parlour.toml" --listen "$at" --store "$store" --drain 1s \
        --origins "http://localhost:$port,http://127.0.0.1:$port"
    nodes+=("$at")
done
for at in "${nodes[@]}"; do wait_for "the node at $at" curl -fs "http://$at/readyz"; done

sed -e "s/\${LISTEN}/127.0.0.1:$port/" -e "s/\${NODE_1}/${nodes[0]}/" -e "s/\${NODE_2}/${nodes[1]}/" -e "s/\${NODE_3}/${nodes[2]}/" \
    "$here/balancer.conf.template" >"$directory/balancer.conf"
cat >"$directory/nginx.conf" <<END
pid $directory/nginx.pid;
daemon off;
events {}
http {
    access_log off;
    client_body_temp_path $directory/nginx-body;
    proxy_temp_path $directory/nginx-proxy;
    fastcgi_temp_path $directory/nginx-fastcgi;
    uwsgi_temp_path $directory/nginx-uwsgi;
    scgi_temp_path $directory/nginx-scgi;
    include $directory/balancer.conf;
}
END
run balancer nginx -p "$directory" -c "$directory/nginx.conf" -e stderr
wait_for "the balancer" curl -fs "http://127.0.0.1:$port/readyz"

key=$("$parlour" key new --store "$store" | grep -o 'pk_[A-Za-z0-9_-]*' | head -1)
cat <<END
Three nodes at ${nodes[*]}, all behind http://127.0.0.1:$port/. Listen, in one shell, and publish in another:

    curl -N -H 'Accept: text/event-stream' http://127.0.0.1:$port/v1/channels/prices/events
    curl -H 'Authorization: Bearer $key' -H 'Content-Type: application/json' \\
         -d '{"data": {"price": 42}}' http://127.0.0.1:$port/v1/channels/prices/publications

Stop a node (kill ${running[*]: -4:3}), or Redis, and see what happens. Ctrl-C ends all of it.
END
# Whoever is started in the background is waited for, so that a signal is heard at once.
wait
