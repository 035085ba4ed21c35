"""For each kind of alarm the colour and the word of its badge."""

from __future__ import annotations

from cds.firing.watching import Kind

BADGES = {
    Kind.STOPPED: ("now", "Stopped"),
    Kind.SILENT: ("now", "Silent"),
    Kind.STARTED: ("visit", "Started"),
    Kind.DOUBLED: ("visit", "Doubled"),
    Kind.HALVED: ("visit", "Halved"),
    Kind.OUT_OF_RANGE: ("visit", "Out of range"),
}
