"""Foreign engines for CQL and ELM, to which what is exported is held: they run where Node is, and always in CI."""
