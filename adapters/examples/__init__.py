"""Adapters that were made from nothing to their figures, each in a folder of its own with its map and its log.

demo/   the small model that ships
"""
