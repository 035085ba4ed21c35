"""How a decision is provable, as its page says it, and the proof to take away."""

from __future__ import annotations

import json

from flask import Response, abort, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from admin.entry.access import DeskView, signed_in
from cds.api import session
from cds.models import Decision
from cds.pages.error_pages import error_page
from cds.proofs import proving
from cds.proofs.proving import Sealed, sealed_in
from cds.service import service_of
from knowledge.proofs import unreadable

_TOUCHED = "This decision does not fit what was sealed. “phasewise audit verify” says where it was touched."


class Proofs(DeskView):
    """The proof of a decision as a file; taking one is itself put on record."""

    def __init__(self) -> None:
        self._default_view = "proof"
        super().__init__(name="Proofs", endpoint="desk_proofs", url="/desk/decisions")

    def is_visible(self) -> bool:
        return False

    @expose("/<string:key>/proof.json")
    def proof(self, key: str) -> ResponseReturnValue:
        with_facts = request.args.get("include") == "facts"
        try:
            proof = proving.proof_of(session(), proving.row_of(session(), key), with_facts=with_facts)
        except proving.NoDecision as problem:
            abort(404, str(problem))
        except proving.NotProvable as problem:
            return error_page(409, "There is no proof of this decision", str(problem))
        me = signed_in()
        at = service_of().now()
        proving.record(session(), key, with_facts=with_facts, actor=me.name, at=at, role=me.role)
        session().commit()
        text = json.dumps(proof, ensure_ascii=False, indent=2) + "\n"
        name = f"phasewise-proof-{proof['decision']['id']}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(text, content_type="application/json", headers=headers)


def provable(decision: Decision) -> tuple[Sealed | None, str | None]:
    """For the page of a decision: how it is sealed and anchored, None when it is not yet; and what is wrong."""
    try:
        sealed = sealed_in(session(), decision.sequence)
        row = proving.row_of(session(), decision.id)
        if sealed and not proving.in_its_batch(session(), row, sealed):
            return None, _TOUCHED
        return sealed, None
    except proving.NotProvable as problem:
        return None, str(problem)
    except Exception as failure:
        if not unreadable(failure):
            raise
        return None, _TOUCHED
