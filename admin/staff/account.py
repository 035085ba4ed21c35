"""One's own account: name and role to read, and the password to change."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from admin.entry.access import DeskView, reseal, signed_in
from admin.entry.entering import Throttled, change_password
from cds.api import session
from knowledge import people
from knowledge.errors import KnowledgeError
from knowledge.models import Role
from knowledge.passwords import WeakPassword


class Account(DeskView):
    """The account of the person who is signed in."""

    readers = frozenset(Role)

    def __init__(self) -> None:
        # Flask-Admin looks for a page at "/" below the address; this one is at the address itself.
        self._default_view = "index"
        super().__init__(name="Account", endpoint="desk_account", url="/desk/account")

    def is_visible(self) -> bool:
        return False

    @expose("", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        if request.method != "POST":
            return self._account({})
        old, new = request.form.get("old", ""), request.form.get("new", "")
        if new != request.form.get("again", ""):
            return self._account({"again": "This is not the new password: type the same one twice."}), 422
        me = signed_in()
        try:
            change_password(me, old, new)
        except Throttled as throttled:
            return self._account({"old": throttled.sentence}), 429, {"Retry-After": str(throttled.seconds)}
        except people.WrongPassword as error:
            return self._account({"old": str(error)}), 422
        except WeakPassword as error:
            return self._account({"new": str(error)}), 422
        except KnowledgeError as error:
            return self._account({"form": str(error)}), 422
        reseal(me)
        flash("Your password is changed. Wherever else you were signed in, you are signed out.")
        return redirect(url_for(".index"), 303)

    def _account(self, problems: dict[str, str]) -> str:
        session().rollback()
        return self.render("desk/account.html", user=signed_in(), problems=problems)
