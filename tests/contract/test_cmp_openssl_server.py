"""The CMP driver against the server that openssl brings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_openssls_own_server_is_asked_with_either_protection(tmp_path: Path) -> None:
    script = 'ip link set lo up && exec "$@"'
    command = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script]
    command += ["sh", sys.executable, "-m", "tests.contract.openssl_cmp_server", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["mac"] == told["signature"] == told["polled"] == "issued"
    assert told["doctor"] == "http://localhost:8080/"
    # It gives everybody the same; that this one is for another key is for the desk to see.
    assert told["another"] == "same"
    assert told["refused"] == "the CA refuses the request: no proof"
    assert "missing protection" in told["unprotected"]
