"""DRN: the dual regression network, trained on pairs and adapted to unpaired LR pictures."""
