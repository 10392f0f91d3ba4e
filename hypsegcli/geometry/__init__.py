"""The Poincaré ball; knows tensors and curvature, nothing else.

Curvature `c > 0` means sectional curvature `-c`: the ball is `{z : c |z|^2 < 1}` and its radius `1 / sqrt(c)`.
It is always a keyword, and its value always comes from the checkpoint.
"""
