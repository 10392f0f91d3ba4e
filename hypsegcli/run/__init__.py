"""From a plan to files: decode, segment, encode, write, and keep the books. Yields results, prints nothing."""

# The books that a run keeps beside its outputs, and what `uncertainty` adds to them.
RUN, MANIFEST, RANKING = "run.json", "manifest.jsonl", "ranking.csv"
