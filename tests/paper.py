"""The forms of a page, as a browser without scripts would send them."""

from __future__ import annotations

from html.parser import HTMLParser

from werkzeug.datastructures import MultiDict


class _Forms(HTMLParser):
    """Collects what each form of a page would send; buttons only when they are pressed."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[dict[str, str | None], MultiDict[str, str]]] = []
        self.text: tuple[str, list[str]] | None = None
        self.choice: str | None = None
        self.chosen: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name")
        if tag == "form":
            self.forms.append((given, MultiDict()))
        elif not self.forms:
            return
        elif tag == "input" and name:
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if ticked:
                self.forms[-1][1].add(name, given.get("value") or "")
        elif tag == "textarea" and name:
            self.text = (name, [])
        elif tag == "select" and name:
            self.choice, self.chosen = name, None
        elif tag == "option" and self.choice and (self.chosen is None or "selected" in given):
            self.chosen = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.text:
            self.text[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.text:
            # A browser leaves out the first line break of a text area.
            self.forms[-1][1].add(self.text[0], "".join(self.text[1]).removeprefix("\n"))
            self.text = None
        elif tag == "select" and self.choice:
            self.forms[-1][1].add(self.choice, self.chosen or "")
            self.choice = None


def form_in(page: str, holding: str) -> MultiDict[str, str]:
    """What the form of a page that has a field of this name would send."""
    parser = _Forms()
    parser.feed(page)
    found = [sent for _, sent in parser.forms if holding in sent]
    assert found, f"no form of this page has a field {holding}"
    return found[0]


def all_fields(page: str) -> dict[str, str]:
    """What all forms of a page would send, as one."""
    parser = _Forms()
    parser.feed(page)
    return {name: value for _, sent in reversed(parser.forms) for name, value in sent.items()}
