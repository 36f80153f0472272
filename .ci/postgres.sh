# Sourced by ./test: a private PostgreSQL cluster for this run only, on a free loopback port, with durable settings, in a
# folder that is removed at the end. PostgreSQL refuses to run as root: then another user runs it.

cluster_folder=
cluster_user=()

# Starts the cluster and exports WARD_TEST_POSTGRES, the URL of a superuser.
start_postgres() {
  local programs port password attempt
  programs=$(postgres_programs)
  cluster_folder=$(mktemp -d "${TMPDIR:-/tmp}/ward-test-postgres.XXXXXX")
  if [ "$(id -u)" -eq 0 ]; then
    local owner=nobody
    if id postgres >/dev/null 2>&1; then owner=postgres; fi
    chown "$owner" "$cluster_folder"
    cluster_user=(runuser -u "$owner" --)
  fi
  password=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
  printf '%s' "$password" | as_cluster tee "$cluster_folder/password" >/dev/null
  as_cluster "$programs/initdb" --pgdata="$cluster_folder/data" --username=ward --pwfile="$cluster_folder/password" \
    --auth=scram-sha-256 --encoding=UTF8 --no-locale >"$cluster_folder.log" 2>&1 || { cat "$cluster_folder.log" >&2; return 1; }
  for attempt in 1 2 3 4 5; do
    port=$(free_port)
    if as_cluster "$programs/pg_ctl" start --silent --wait --timeout=60 --pgdata="$cluster_folder/data" --log="$cluster_folder/server.log" \
      --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 \
-c shared_buffers=128MB -c fsync=on -c synchronous_commit=on -c full_page_writes=on"; then
      export WARD_TEST_POSTGRES="postgres://ward:$password@127.0.0.1:$port/postgres"
      WARD_TEST_POSTGRES_PID=$(as_cluster head -n 1 "$cluster_folder/data/postmaster.pid")
      export WARD_TEST_POSTGRES_PID
      echo "test: PostgreSQL on 127.0.0.1:$port"
      return 0
    fi
    # Another program may have taken the port in between.
    echo "test: PostgreSQL did not start on port $port (attempt $attempt)" >&2
  done
  as_cluster cat "$cluster_folder/server.log" >&2 || true
  return 1
}

stop_postgres() {
  [ -n "$cluster_folder" ] || return 0
  as_cluster "$(postgres_programs)/pg_ctl" stop --silent --mode=fast --pgdata="$cluster_folder/data" 2>/dev/null || true
  rm -rf "$cluster_folder" "$cluster_folder.log"
  cluster_folder=
}

# Runs a command as the user of the cluster, in a folder that this user may enter.
as_cluster() {
  (cd / && exec "${cluster_user[@]}" "$@")
}
