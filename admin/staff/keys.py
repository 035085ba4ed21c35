"""API keys at the desk: issued and shown once, listed, revoked; by an administrator."""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from admin.entry.access import ADMINISTRATORS, DeskView, signed_in
from admin.entry.refusing import told_if_not_allowed
from cds import keys
from cds.api import session
from cds.models import ApiKey, Purpose
from cds.requests import BEYOND_COLUMNS
from cds.service import service_of
from knowledge.errors import KnowledgeError
from knowledge.naming import BadName
from knowledge.steps import AlreadyDone, NoReason

_FIELDS: Mapping[type[KnowledgeError], str] = {BadName: "label", keys.LabelTaken: "label", NoReason: "reason"}
"""Beside which field of a form an error is said."""


class Keys(DeskView):
    """The keys by which apps, and auditors' programs, are known."""

    readers = ADMINISTRATORS

    def __init__(self) -> None:
        super().__init__(name="API keys", endpoint="desk_keys", url="/desk/keys")

    @expose("/")
    def index(self) -> str:
        every = session().scalars(select(ApiKey).options(selectinload(ApiKey.created_by)).order_by(ApiKey.id.desc()))
        return self.render("desk/keys.html", keys=sorted(every, key=lambda one: one.revoked_at is not None))

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> ResponseReturnValue:
        if request.method != "POST":
            return self._new({})
        label, purpose = request.form.get("label", ""), request.form.get("purpose", "")
        if purpose not in list(Purpose):
            return self._new({"purpose": "Say what the key is for."}), 422
        try:
            key = keys.issue(
                session(),
                label,
                by=signed_in(),
                at=service_of().now(),
                reason=request.form.get("reason", ""),
                purpose=Purpose(purpose),
            )
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            return self._new({_FIELDS.get(type(error), "form"): str(error)}), 422
        session().commit()
        return self.render("desk/key_done.html", label=label, key=key, purpose=purpose)

    @expose("/<int:number>", methods=("GET", "POST"))
    def key(self, number: int) -> ResponseReturnValue:
        found = session().get(ApiKey, number) if number < BEYOND_COLUMNS else None
        if found is None:
            abort(404, "There is no such key.")
        if request.method != "POST":
            return self._key(found, {})
        try:
            keys.revoke(session(), found, by=signed_in(), at=service_of().now(), reason=request.form.get("reason", ""))
        except AlreadyDone as done:
            session().rollback()
            flash(f"{done} Nothing was changed.")
            return redirect(url_for(".key", number=number), 303)
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            return self._key(found, {_FIELDS.get(type(error), "form"): str(error)}), 422
        session().commit()
        flash(f"The key {found.prefix}… is revoked: no app is let in with it any more.")
        return redirect(url_for(".key", number=number), 303)

    def _new(self, problems: Mapping[str, str]) -> str:
        return self.render("desk/key_new.html", problems=problems, typed=request.form, purposes=list(Purpose))

    def _key(self, key: ApiKey, problems: Mapping[str, str]) -> str:
        history = keys.history(session(), key)
        return self.render("desk/key.html", key=key, history=history, problems=problems, typed=request.form)
