"""Tests the measuring itself on the machine at hand, through the same doors that users take."""
