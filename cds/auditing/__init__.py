"""The API of auditors: the record, for whoever holds a key that was issued to read it.

A module for each kind of question; each puts its routes on the one blueprint.
"""

from cds.auditing import decisions as decisions
from cds.auditing import events as events
from cds.auditing import firing as firing
from cds.auditing import in_force as in_force
from cds.auditing import incidents as incidents
from cds.auditing import proofs as proofs
from cds.auditing import replays as replays
from cds.auditing import sheets as sheets
from cds.auditing.blueprint import audit_api as audit_api
