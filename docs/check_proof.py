"""Checks the proof of a decision: python3 check_proof.py < proof.json. Standard library alone; see proofs.md."""

import base64, hashlib, json, sys  # noqa: E401, I001


def digest(value):  # of a text as it is, of anything else as JSON in its one way to be written
    text = value if type(value) is str else json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def root(leaf, index, count, path):  # RFC 6962, section 2.1.1, from the root down
    if count == 1:
        return hashlib.sha256(b"\0" + bytes.fromhex(leaf[7:])).digest() if index == 0 and path == [] else b""
    half, beside = 1 << (count - 1).bit_length() - 1, bytes.fromhex(path[-1])
    if index < half:
        return hashlib.sha256(b"\1" + root(leaf, index, half, path[:-1]) + beside).digest()
    return hashlib.sha256(b"\1" + beside + root(leaf, index - half, count - half, path[:-1])).digest()


sys.excepthook = lambda kind, problem, _: print(f"NOT PROVEN: it cannot be read ({kind.__name__}: {problem}).")
proof = json.load(sys.stdin.buffer)
decision, batch, event, facts = proof["decision"], proof["batch"], proof["event"], proof.get("disclosed")
found = root(digest(decision), batch["index"], event["details"]["count"], batch["path"])
claims = {
    "is a proof": (proof["format"], event["action"]) == ("phasewise-proof/1", "decisions.sealed"),
    "has these facts": facts is None or all(digest(facts[part]) == decision[part] for part in ("personal", "states")),
    "is in its batch": "sha256:" + found.hex() == event["details"]["root"],
    "has its event": digest({name: event[name] for name in event if name != "digest"}) == event["digest"],
}
ends = f"No anchor covers it: hold event {event['sequence']}, {event['digest']}, against the chain."
if "anchor" in proof:
    anchor = json.loads(base64.urlsafe_b64decode(proof["anchor"]["jws"].split(".")[1] + "=="))
    found = root(event["digest"], event["sequence"] - 1, anchor["events"], proof["anchor"]["path"])
    claims["is anchored"] = "sha256:" + found.hex() == anchor["root"]
    ends = f"It is among the {anchor['events']} events anchored on {anchor['at']}. Now check the anchor's signature."
failed = [claim for claim, holds in claims.items() if not holds]
print(f"NOT PROVEN: not so: it {', '.join(failed)}." if failed else f"PROVEN: decision {decision['id']}. {ends}")
sys.exit(bool(failed))
