"""JAX and PyTorch side by side; see ``bench/test_peers.py``."""
