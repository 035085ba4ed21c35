"""The page that is there at once while the solver is at work, and goes on to what it found."""

from __future__ import annotations

from admin.entry.access import DeskView


def at_work(view: DeskView, title: str, address: str) -> str:
    """A page that loads `address`, which takes some seconds, and stays until that is there."""
    return view.render("desk/at_work.html", title=title, address=address)
