"""People at the desk: who may sign in, as what; added, changed, disabled and enabled by an administrator."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from admin.entry.access import ADMINISTRATORS, DeskView, signed_in
from admin.entry.refusing import told_if_not_allowed
from cds.api import session
from cds.requests import BEYOND_COLUMNS
from cds.service import service_of
from knowledge import passwords, people
from knowledge.errors import KnowledgeError
from knowledge.models import Role, User
from knowledge.naming import BadName
from knowledge.passwords import WeakPassword
from knowledge.steps import AlreadyDone, NoReason

_FIELDS: Mapping[type[KnowledgeError], str] = {
    BadName: "name",
    people.NameTaken: "name",
    WeakPassword: "password",
    NoReason: "reason",
}
"""Beside which field of a form an error is said."""

_KEPT = ("name", "role", "reason")
"""The fields that come back as they were typed. A password does not."""


class People(DeskView):
    """Everybody who has an account."""

    readers = ADMINISTRATORS

    def __init__(self) -> None:
        super().__init__(name="People", endpoint="desk_people", url="/desk/people")

    @expose("/")
    def index(self) -> str:
        everybody = session().scalars(select(User)).all()
        return self.render(
            "desk/people.html",
            everybody=sorted(everybody, key=lambda user: (user.disabled_at is not None, user.name.casefold())),
            last=people.last_sign_ins(session()),
            subject_of=people.subject_of,
        )

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> ResponseReturnValue:
        if request.method != "POST":
            return self._new({}, {})
        role = _role()
        if role is None:
            return self._new({"role": "Choose what she may do."}, _typed()), 422
        try:
            typed = _password()
            password = typed or passwords.made_up()
            user = people.add(
                session(),
                request.form.get("name", ""),
                role,
                password,
                by=signed_in(),
                at=service_of().now(),
                reason=request.form.get("reason", ""),
            )
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            taken = people.named(session(), _typed()["name"]) if isinstance(error, people.NameTaken) else None
            return self._new({_FIELDS.get(type(error), "form"): str(error)}, _typed(), taken), 422
        session().commit()
        return self._shown(user, None if typed else password, "was added")

    @expose("/<int:number>", methods=("GET", "POST"))
    def person(self, number: int) -> ResponseReturnValue:
        user = session().get(User, number) if number < BEYOND_COLUMNS else None
        if user is None:
            abort(404, "There is no such person.")
        if request.method != "POST":
            return self._person(user)
        step = request.form.get("step", "")
        try:
            return self._taken(user, step)
        except AlreadyDone as done:
            session().rollback()
            flash(f"{done} Nothing was changed.")
            return redirect(url_for(".person", number=number), 303)
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            said = {_FIELDS.get(type(error), "form"): str(error)}
            return self._person(user, step, said, _typed()), 422

    def _taken(self, user: User, step: str) -> ResponseReturnValue:
        """What a step leads to, once it was taken, recorded and committed."""
        me, at, reason = signed_in(), service_of().now(), request.form.get("reason", "")
        people.begin(session(), me, user)
        # A step that was taken already is told as such, before the page it was sent from is found too old.
        stale = request.form.get("stands") != _stands(user)
        match step:
            case "role":
                role = _role()
                if role is None:
                    raise people.StalePage("Choose one of the roles.")
                _only_fresh(user, stale and role is not user.role)
                people.change_role(session(), user, role, by=me, at=at, reason=reason)
                said = f"{user.name} now has the role {role}, and signs in anew."
            case "password":
                _only_fresh(user, stale)
                typed = _password()
                password = typed or passwords.made_up()
                people.set_password(session(), user, password, by=me, at=at, reason=reason)
                session().commit()
                return self._shown(user, None if typed else password, "has a new password")
            case "disable":
                _only_fresh(user, stale and user.disabled_at is None)
                people.disable(session(), user, by=me, at=at, reason=reason)
                said = f"{user.name} is disabled and signed out everywhere."
            case "enable":
                _only_fresh(user, stale and user.disabled_at is not None)
                people.enable(session(), user, by=me, at=at, reason=reason)
                said = f"{user.name} can sign in again."
            case _:
                abort(400)
        session().commit()
        flash(said)
        return redirect(url_for(".person", number=user.id), 303)

    def _new(self, problems: Mapping[str, str], typed: Mapping[str, str], taken: User | None = None) -> str:
        return self.render("desk/person_new.html", problems=problems, typed=typed, roles=Role, taken=taken)

    def _person(self, user: User, step: str = "", problems: Mapping[str, str] | None = None, typed: Any = None) -> str:
        me = signed_in()
        return self.render(
            "desk/person.html",
            user=user,
            own=user.id == me.id,
            stands=_stands(user),
            last=people.last_sign_ins(session()).get(people.subject_of(user)),
            history=[(event, event.told) for event in people.history(session(), user)],
            roles=Role,
            step=step,
            problems=problems or {},
            typed=typed or {},
        )

    def _shown(self, user: User, made_up: str | None, what: str) -> str:
        return self.render("desk/person_done.html", user=user, password=made_up, what=what)


def _stands(user: User) -> str:
    """How an account stands, as a form says that it saw it."""
    seen = f"{people.seal(session(), user)} {user.disabled_at}"
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


def _only_fresh(user: User, stale: bool) -> None:
    if stale:
        raise people.StalePage(
            f"The account of {user.name} was changed after this page was opened, perhaps by this very form. "
            "This is how it stands now: look at it, then decide anew."
        )


def _role() -> Role | None:
    word = request.form.get("role", "")
    return Role(word) if word in set(Role) else None


def _password() -> str:
    """The password that was typed twice, or nothing. Raises WeakPassword."""
    typed = request.form.get("password", "")
    if typed != request.form.get("again", ""):
        raise WeakPassword("The two passwords differ: type the same one twice, or none.")
    return typed


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in _KEPT}
