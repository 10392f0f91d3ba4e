"""From a plan to files: decode, segment, encode, write, and keep the books. Yields results, prints nothing."""

RUN, MANIFEST = "run.json", "manifest.jsonl"  # the books that a run keeps beside its outputs
