"""What this machine does: the default dream, a film's frames and pictures of classes, measured in a minute or two.

`bat-country bench` prints it. Here is what measures, without anything that is printed.
"""

from batcountry.bench.facts import machine_facts
from batcountry.bench.measures import Benchmark, Result, Sizes, benchmarks

__all__ = ["Benchmark", "Result", "Sizes", "benchmarks", "machine_facts"]
