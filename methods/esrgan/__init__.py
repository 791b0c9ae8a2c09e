"""ESRGAN (Wang et al., ECCV Workshops 2018): the RRDB network, its PSNR-oriented stage and its GAN stage."""
