#!/usr/bin/env bash
# One offline run that `wandb sync` cannot read prevents the upload of all others, with exit code 0.
#
# Expectation: `wandb sync wandb/offline-run-*` uploads the intact runs, names the damaged one, and exits
#   with an error code.
# Behaviour: a run whose process was killed within its first second leaves a .wandb file of seven bytes, the header
#   (records are flushed later). If it is among the arguments, in any position, no request about any run is sent, one
#   line on the terminal says "Failed to read", and the exit code is 0. A script that then deletes the "uploaded" runs
#   loses the intact ones.
# What helps: one `wandb sync` for each folder, or removing folders whose .wandb file has seven bytes.
# Seen with wandb 0.31.0:
#   a whole run alone: asked about
#   with an empty one after it: not asked about, exit code 0
#   with an empty one before it: not asked about, exit code 0
# The server here is a mock on the loopback interface that records requests and rejects them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" wandb==0.31.0
cd "$folder"
export HOME="$folder" WANDB_SILENT=true WANDB_ERROR_REPORTING=false WANDB_API_KEY=ffffffffffffffffffffffffffffffffffffffff
"$folder/venv/bin/python" - <<'PYTHON'
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import wandb

asked = []


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(403)
        self.end_headers()

    def log_message(self, *arguments):
        pass


run = wandb.init(mode="offline", project="p", id="whole")
run.log({"loss": 1.0})
run.finish()
(whole,) = Path("wandb").glob("offline-run-*-whole")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = os.environ | {"WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}", "WANDB_SILENT": "false"}


def sync():
    """Whether the server was asked about the whole run, and the exit code."""
    asked.clear()
    command = [str(Path(sys.executable).with_name("wandb")), "sync", *map(str, sorted(Path("wandb").glob("offline-run-*")))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return any(b"whole" in body for body in asked), done.returncode, done.stdout + done.stderr


about, _, _ = sync()
assert about
print("a whole run alone: asked about")
for place, stamp in (("after", "29990101_000000"), ("before", "20000101_000000")):
    empty = Path("wandb") / f"offline-run-{stamp}-empty"
    empty.mkdir()
    (empty / "run-empty.wandb").write_bytes((whole / "run-whole.wandb").read_bytes()[:7])
    about, code, said = sync()
    assert (about, code) == (False, 0), (about, code, said)
    assert "Failed to read" in said
    print(f"with an empty one {place} it: not asked about, exit code {code}")
    shutil.rmtree(empty)
PYTHON
