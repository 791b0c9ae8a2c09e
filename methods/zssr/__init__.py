"""ZSSR (Shocher et al., CVPR 2018): a small network trained at test time on the one picture that it enlarges."""
