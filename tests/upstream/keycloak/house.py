"""The processes of a run, on free ports of the loopback: a Keycloak with the realm of realm.json, and Wards whose people sign in there."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

REALM_FILE = pathlib.Path(__file__).with_name("realm.json")
REALM = json.loads(REALM_FILE.read_text(encoding="utf-8"))
# Of people who administrate Keycloak; it lives as long as the run.
ADMIN, ADMIN_PASSWORD = "admin", "admin"
KEYCLOAK_START_TIMEOUT_S = 300
WARD_START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
# Debian's libfaketime: the process that has it sees another time.
FAKETIME = "/usr/$LIB/faketime/libfaketimeMT.so.1"


class DidNotStart(Exception):
    """Holds the end of what the process has written."""


class Process:
    """One that is ready when a line of its output says so, and that ends with the run."""

    def __init__(self, arguments, log, ready, timeout_s, environment=None):
        self.log = log
        with open(log, "wb") as out:
            # Of a group of its own: a start script ends together with what it has started.
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})}, start_new_session=True,
            )
        end = time.monotonic() + timeout_s
        while ready not in self.written():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise DidNotStart(f"{arguments[0]}: {self.written()[-2000:]}")
            time.sleep(0.2)

    def written(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class House:
    """Everything that a run has started or written; `close` ends and removes it."""

    def __init__(self, folder, ward, keycloak):
        self.folder, self.ward_binary, self.home = folder, ward, keycloak
        self.keycloak = None
        self.wards = []

    def start_keycloak(self):
        # What an earlier run has left in its database is not to be met.
        data = self.home / "data"
        shutil.rmtree(data, ignore_errors=True)
        (data / "import").mkdir(parents=True)
        shutil.copy(REALM_FILE, data / "import" / "city-realm.json")
        self.origin = f"http://127.0.0.1:{free_port()}"
        arguments = [
            self.home / "bin/kc.sh", "start-dev", "--import-realm", "--cache=local", "--http-host=127.0.0.1",
            f"--http-port={self.origin.rsplit(':', 1)[1]}", f"--hostname={self.origin}",
        ]
        administrator = {"KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN, "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN_PASSWORD}
        self.keycloak = Process(
            arguments, self.folder / "keycloak.log", f"Listening on: {self.origin}", KEYCLOAK_START_TIMEOUT_S, administrator
        )

    def issuer(self, realm=REALM["realm"]):
        return f"{self.origin}/realms/{realm}"

    def ward(self, name, options, **started):
        """A Ward of its own that is ready. `options`: of [upstream], beside issuer and client."""
        ward = Ward(self, name, options, **started)
        self.wards.append(ward)
        ward.start()
        return ward

    def close(self):
        for ward in self.wards:
            ward.stop()
        if self.keycloak:
            self.keycloak.stop()
        shutil.rmtree(self.home / "data", ignore_errors=True)


class Ward:
    def __init__(self, house, name, options, client="ward", issuer=None, database=None, ahead_s=0):
        self.house, self.name, self.database = house, name, database
        self.folder = house.folder / name
        self.folder.mkdir()
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.environment = {"LD_PRELOAD": FAKETIME, "FAKETIME": f"+{ahead_s}s"} if ahead_s else {}
        self.process = None
        secret = self.folder / "secret"
        self.secret = next(known["secret"] for known in REALM["clients"] if known["clientId"] == client)
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(self.secret)
        self.config = self.folder / "ward.toml"
        self.config.write_text(f"""
[egress]
loopback_http = true

[upstream]
name = "City Hospital"
issuer = "{issuer or house.issuer()}"
client_id = "{client}"
secret_file = "{secret}"
{options}
""", encoding="utf-8")

    def store(self):
        return ["--config", self.config, "--data", self.folder / "data", *(["--database", self.database] if self.database else [])]

    def start(self):
        arguments = ["serve", "--demo", "--empty", "--listen", f"127.0.0.1:{self.port}", *self.store()]
        log = self.folder / "log"
        if log.exists():
            log.rename(self.folder / f"log-{time.monotonic_ns()}")
        self.process = Process(
            [self.house.ward_binary, *arguments], log, "Ward is ready at ", WARD_START_TIMEOUT_S, self.environment
        )

    def stop(self):
        if self.process:
            self.process.stop()

    def run(self, *arguments):
        """A subcommand on the same store; fails where it does."""
        done = subprocess.run(
            [self.house.ward_binary, *arguments, *self.store()], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=WARD_START_TIMEOUT_S, check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def logs(self):
        """What it has written, over all its starts."""
        return "".join(log.read_text(encoding="utf-8", errors="replace") for log in self.folder.glob("log*"))

    def demo_person(self, username):
        return json.loads((self.folder / "data/demo" / f"{username}.json").read_text(encoding="utf-8"))


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
