"""LoRA adapters: what they are, how they are made."""
