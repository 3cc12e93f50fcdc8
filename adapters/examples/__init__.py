"""Adapters that were made from nothing to their figures, each in a folder of its own with its map and its log.

desk/   the adapter of the help desk, on smollm2
demo/   the small model that ships
"""
