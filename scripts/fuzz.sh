#!/usr/bin/env bash
# Fuzzes every reader of foreign bytes under the address and undefined-behaviour sanitizers.
#   scripts/fuzz.sh runs=1000000            each target for that many inputs (make fuzz)
#   scripts/fuzz.sh seconds=20 [TARGET...]  each target for that long, from one seed (continuous integration: in a fresh clone the
#                                           inputs are the same as long as the time goes, so chance fails no commit)
# Prints one line a target: inputs, inputs/s, findings. Exits with 1 if there is a finding; it lies in build-fuzz/findings,
# and build-fuzz/fuzz_TARGET FILE shows it again. What is found is fixed and becomes a test beside the reader's others.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
    runs=*) limit="-runs=${1#runs=}" ;;
    seconds=*) limit="-max_total_time=${1#seconds=} -seed=1" ;;
    *) echo "fuzz: expected runs=N or seconds=N, got '${1:-}'" >&2; exit 2 ;;
esac
shift

scripts/setup.sh clang-16 libclang-rt-16-dev # the only place that needs them
cmake --preset fuzz >build-fuzz.log 2>&1 || { cat build-fuzz.log; exit 1; }
rm -f build-fuzz.log
cmake --build --preset fuzz
python3 fuzz/seeds.py build-fuzz/seeds

mkdir -p build-fuzz/findings build-fuzz/logs
targets=("$@")
[ "$#" -gt 0 ] || targets=($(cd build-fuzz && ls -d fuzz_* | sed 's/^fuzz_//'))

# 4 KB show every branch; deep nesting and long names have tests of their own. An input may take 10 s and 1 GB. Without the stacks of
# allocations and with a short quarantine there are twice as many inputs; showing a finding again has both.
fuzz_one() {
    local target=$1 log=build-fuzz/logs/$1.log found=none status=0
    mkdir -p "build-fuzz/corpus/$target"
    ASAN_OPTIONS=detect_odr_violation=0:malloc_context_size=0:quarantine_size_mb=8:detect_stack_use_after_return=0 \
        "build-fuzz/fuzz_$target" $limit -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="build-fuzz/findings/$target-" \
        "build-fuzz/corpus/$target" "build-fuzz/seeds/$target" >"$log" 2>&1 || status=1
    [ "$status" -eq 0 ] || found=$(ls -t build-fuzz/findings/"$target"-* 2>/dev/null | head -1)
    printf '%-12s %10s %10s  %s\n' "$target" "$(awk '/stat::number_of_executed_units/ {print $2}' "$log")" \
        "$(awk '/stat::average_exec_per_sec/ {print $2}' "$log")" "${found:-see $log}"
    [ "$status" -eq 0 ] || tail -n 40 "$log"
    return "$status"
}
export -f fuzz_one
export limit
printf '%-12s %10s %10s  %s\n' target inputs inputs/s found
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz_one {}' || exit 1
