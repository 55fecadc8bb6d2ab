#!/usr/bin/env bash
# Starts the measured server in the foreground, with an empty state folder.
# MEASURE_DIR: the folder generate.py wrote. ATTENDANT_BIN: the binary.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${MEASURE_DIR:-$here/../../target/measure}
bin=${ATTENDANT_BIN:-$here/../../target/release/attendant}
rm -rf "$dir/state"
exec "$bin" serve --config "$dir/attendant.toml"
