"""From a plan to files: decode, segment, encode, write, and keep the books. Yields results, prints nothing."""
