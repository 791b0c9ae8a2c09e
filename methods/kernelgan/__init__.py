"""KernelGAN (Bell-Kligler et al., NeurIPS 2019): the blur kernel of a picture, estimated from the picture alone."""
