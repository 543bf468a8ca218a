"""What `make bench` runs: each number a ratio of two things measured in the same run."""
