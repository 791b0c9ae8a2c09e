"""What every stage stands on: files, paths, devices, weights, processes, code digests, git, checksums."""
