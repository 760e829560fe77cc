"""Where things lie: the repository, and photographs of people that are in no repository (tests that need them skip)."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REAL_FACES = ROOT.parent / "shared" / "data" / "faces"
