"""A reproducibility benchmark and ablation harness for single-image super-resolution."""
