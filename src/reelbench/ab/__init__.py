"""Compares two environments on this machine in pairs of processes. The controller loads no JAX."""
