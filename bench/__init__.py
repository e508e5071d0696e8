"""Load scripts and the ceilings they are measured against: `bin/bench`.

Figures are ratios against a ceiling of the same run; they are never a test that can fail on time.
"""
