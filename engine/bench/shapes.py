"""Shapes of models that are made with random weights: arguments of transformers' AutoConfig.for_model. Nothing is fetched for them."""

from collections.abc import Mapping
from typing import Any

CONTEXT = {"max_position_embeddings": 2048}  # tokens: more than a duel of the benchmark has

REAL: Mapping[str, Mapping[str, Any]] = {  # of models that exist, by the name that --base takes
    "135m": CONTEXT  # SmolLM2-135M
    | {"model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30}
    | {"num_attention_heads": 9, "num_key_value_heads": 3, "rope_theta": 100_000.0, "rms_norm_eps": 1e-5, "tie_word_embeddings": True},
    "0.5b": CONTEXT  # Qwen2.5-0.5B
    | {"model_type": "qwen2", "vocab_size": 151_936, "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24}
    | {"num_attention_heads": 14, "num_key_value_heads": 2, "rope_theta": 1e6, "rms_norm_eps": 1e-6, "tie_word_embeddings": True},
}
SMALL = CONTEXT | {"vocab_size": 16_000, "hidden_size": 768, "intermediate_size": 2304, "num_hidden_layers": 12, "num_attention_heads": 12}
ARCHITECTURES: Mapping[str, Mapping[str, Any]] = {  # small models of other kinds, by the name that people know
    "GPT-NeoX": SMALL | {"model_type": "gpt_neox"},
    "Phi": SMALL | {"model_type": "phi"},
    "Gemma 3": SMALL | {"model_type": "gemma3_text", "num_key_value_heads": 4, "head_dim": 64, "sliding_window": 2048},
    "Qwen 3": SMALL | {"model_type": "qwen3", "num_key_value_heads": 4, "head_dim": 64},
}
