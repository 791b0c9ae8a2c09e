"""Pseudo-supervision (Maeda, CVPR 2020): unpaired super-resolution with six networks."""
