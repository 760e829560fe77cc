"""Prints what there is to run."""

import benchmarks

print(benchmarks.__doc__)
