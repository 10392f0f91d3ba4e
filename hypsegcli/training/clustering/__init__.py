"""Clusters learned without masks (Ji et al., "Invariant Information Clustering", ICCV 2019)."""
