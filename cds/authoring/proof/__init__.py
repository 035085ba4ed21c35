"""Proof over all patients: claims, findings, the region of a change, boundary patients and mutants.

Only `formulas` knows the solver. Whoever answers requests imports nothing from here; commands, the gate and the desk
import these modules where they use them, so that a server that only answers never loads the solver.
"""
