#!/usr/bin/env bash
# Starts the measured server in the background and prints its process id.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${MEASURE_DIR:-$here/../../target/measure}
# exec keeps the process id: the one printed is the server's own.
"$here/start-fg.sh" >"$dir/server.log" 2>&1 </dev/null &
echo $!
