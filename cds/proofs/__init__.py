"""What proves the record: the proof of a decision, anchors signed by the site, and the walk over all of it."""
