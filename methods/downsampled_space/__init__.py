"""The loss in the downsampled space: compare what SR shrinks to with the LR, and what mends that."""
