"""Checks the proof of a decision: python3 check_proof.py proof.json. Standard library alone; see proofs.md."""

import base64, fileinput, hashlib, json, sys  # noqa: E401, I001


def digest(value):  # of a text as it is, of anything else as JSON in its one way to be written
    text = value if type(value) is str else json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def root(digest, index, count, path):  # RFC 6962, section 2.1.1, from the root down
    if count == 1 and index == 0 and path == []:
        return hashlib.sha256(b"\0" + bytes.fromhex(digest[7:])).digest()
    half, beside, below = 1 << (count - 1).bit_length() - 1, bytes.fromhex(path[-1]), path[:-1]
    under = root(digest, index, half, below) if index < half else root(digest, index - half, count - half, below)
    return hashlib.sha256(b"\1" + (under + beside if index < half else beside + under)).digest()


sys.excepthook = lambda kind, problem, _: print(f"NOT PROVEN: it cannot be read ({kind.__name__}: {problem}).")
proof = json.loads(b"".join(fileinput.input(mode="rb")))  # noqa: SIM115
decision, batch, event, shown = proof["decision"], proof["batch"], proof["event"], proof.get("disclosed")
claims = {"is a proof": (proof["format"], event["action"]) == ("phasewise-proof/1", "decisions.sealed")}
claims["has these facts"] = shown is None or all(digest(shown[it]) == decision[it] for it in ("personal", "states"))
place = digest(decision), batch["index"], event["details"]["count"], batch["path"]
claims["is in its batch"] = "sha256:" + root(*place).hex() == event["details"]["root"]
claims["has its event"] = digest({name: event[name] for name in event if name != "digest"}) == event["digest"]
then = f"find event {event['sequence']}, {event['digest']}, in a chain that you trust: no anchor covers it"
if "anchor" in proof:
    anchor = json.loads(base64.urlsafe_b64decode(proof["anchor"]["jws"].split(".")[1] + "=="))
    place = event["digest"], event["sequence"] - 1, anchor["events"], proof["anchor"]["path"]
    claims["is anchored"] = "sha256:" + root(*place).hex() == anchor["root"]
    then = f"check the signature of the anchor of {anchor['at']}, which covers {anchor['events']} events"
failed = ", ".join(claim for claim in claims if not claims[claim])
print(f"NOT PROVEN: not so: it {failed}." if failed else f"SOUND: decision {decision['id']}. To prove it, {then}.")
sys.exit(bool(failed))
