"""The record of decisions: kept, sealed, counted, and emptied when their time is over."""
