"""The small demonstration model: its text, its tokenizer, its training and its measures."""
