"""The record of decisions: kept, sealed, counted, proven, found and made again."""
