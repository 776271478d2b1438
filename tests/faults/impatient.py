"""The command line with seconds of patience where it has minutes: for what hangs while a test waits.

`Desk.start(through=IMPATIENT)`
"""

from __future__ import annotations

import runpy
import sys

IMPATIENT = (sys.executable, __file__)

_SECONDS = 5.0


def main() -> None:
    """Run `PYTHON -m station ARGUMENTS`, which stands in the arguments, in this process."""
    from batch.letters import session
    from batch.production import run
    from batch.production.calls import Call

    session._PAGE_SECONDS = run._BEGIN = _SECONDS
    Call.__init__.__defaults__ = ((), _SECONDS)
    sys.argv = sys.argv[3:]
    runpy.run_module("station", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
