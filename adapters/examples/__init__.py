"""Adapters that were made from nothing to their figures, each in a folder of its own."""
