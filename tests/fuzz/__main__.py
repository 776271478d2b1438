"""`python -m tests.fuzz TARGET [--seconds N] [--found DIR] [FILE …]`; with files, each is tried once.

Ends with 0 when the time is over. What breaks a target is written to `--found` and named on stderr.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")
NAMES = tuple(sorted(folder.name for folder in CORPUS.iterdir()))
_INSTRUMENTED = ["drivers", "batch", "layouts", "station"]
_MEGABYTES = 1_500
_SECONDS_EACH = 10


def main() -> None:
    """Read the command line, then fuzz; the process ends inside."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60, metavar="N")
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"), metavar="DIR")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    asked = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: it has wheels for Linux on x86_64 only")
    with atheris.instrument_imports(include=_INSTRUMENTED, enable_loader_override=False):
        from tests.fuzz.targets import TARGETS
    asked.found.mkdir(parents=True, exist_ok=True)
    limits = [f"-rss_limit_mb={_MEGABYTES}", f"-timeout={_SECONDS_EACH}", f"-artifact_prefix={asked.found}/"]
    if asked.files:
        inputs = [str(file) for file in asked.files]
    else:
        # New finds go to the first folder; those worth keeping are copied into the corpus by hand.
        fresh = tempfile.mkdtemp(prefix="fuzz-")
        inputs = [f"-max_total_time={asked.seconds}", fresh, str(CORPUS / asked.target)]
    atheris.Setup([sys.argv[0], *limits, *inputs], TARGETS[asked.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
