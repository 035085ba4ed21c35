"""What an address of the API may ask: the filters that its endpoint declares, each once and with a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import current_app, request

from cds import problems
from cds.problems import Refused
from cds.requests import RequestProblem, escaped
from knowledge.errors import nearest


def refuse_what_it_does_not_know() -> None:
    """A filter passed over in silence would answer another question. Raises Refused with each such filter."""
    view = current_app.view_functions[request.endpoint or ""]
    known = list(_declared(getattr(view, "_apidoc", {})))
    otherwise = "say it in the body" if request.method == "POST" else "leave it out"
    said = f"The filters are {', '.join(known)}." if known else f"There are no filters here: {otherwise}."
    found = [
        RequestProblem(f"/{escaped(name)}", said, nearest(name, known)) for name in request.args if name not in known
    ]
    twice = [name for name in known if len(request.args.getlist(name)) > 1]
    found += [
        RequestProblem(f"/{escaped(name)}", "This is there more than once: say which one is meant.") for name in twice
    ]
    empty = [name for name in known if [text.strip() for text in request.args.getlist(name)] == [""]]
    found += [
        RequestProblem(f"/{escaped(name)}", "Nothing is given: say what is looked for, or leave the filter out.")
        for name in empty
    ]
    if found:
        raise Refused(problems.unusable(found))


def _declared(documented: dict[str, Any]) -> Iterator[str]:
    """The names of the filters, from what flask-smorest keeps of an endpoint for its document."""
    for taken in documented.get("arguments", {}).get("parameters", []):
        if taken["in"] == "query":
            yield from taken["schema"]._declared_fields
    for taken in documented.get("manual_doc", {}).get("parameters", []):
        if taken["in"] == "query":
            yield taken["name"]
