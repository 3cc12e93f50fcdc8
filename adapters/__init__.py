"""LoRA adapters: what they are, how they are made.

registry.py   which adapters there are, and whether one fits a base and a recipe
card.py       names of engine/card.py, for the demo's maker
demo/         how the demo is made
shipped/      adapters that ship, a folder each
__main__.py   python -m adapters list | check | demo
"""
