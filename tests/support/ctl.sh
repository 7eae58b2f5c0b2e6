# Shared by kafka_ctl and postgres_ctl; sourced.

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# A loopback port nobody listens on, below the kernel's ephemeral range so that no client socket takes it meanwhile.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# is_running PID TEXT: PID lives (is no zombie) and its command line holds TEXT, so a recycled id is not mistaken for ours.
is_running() {
  [[ -n $1 && -r /proc/$1/cmdline ]] && tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$2"
}

# wait_gone PID TEXT SECONDS: until the process has ended; 1 when it has not in time.
wait_gone() {
  local deadline=$((SECONDS + $3))
  while is_running "$1" "$2"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.02
  done
}
