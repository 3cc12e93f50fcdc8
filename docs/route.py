"""Ask Duelbot as a team's own program does, with OpenAI's client: python docs/route.py KEY [ADDRESS]. See route.md."""

import sys

from openai import OpenAI


def main(key: str, address: str = "http://127.0.0.1:8081/v1") -> None:
    """List the models, ask one request whole and one as a stream, and say what became of each."""
    client = OpenAI(base_url=address, api_key=key)
    print("Models:", ", ".join(model.id for model in client.models.list()))

    whole = client.chat.completions.create(model="duelbot", messages=[{"role": "user", "content": "Where is my parcel?"}])
    assert whole.usage
    print(whole.choices[0].message.content)
    print(f"{whole.usage.prompt_tokens} + {whole.usage.completion_tokens} tokens, {whole.to_dict()['duelbot']['kind']}")  # type: ignore[index]

    stream = client.chat.completions.create(
        model="duelbot",
        messages=[
            {"role": "user", "content": "Where is my parcel?"},
            {"role": "assistant", "content": "Which order is it?"},
            {"role": "user", "content": "52871"},
        ],
        metadata={"tag": "delivery"},
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in stream:
        for choice in chunk.choices:
            print(choice.delta.content or "", end="")
        if chunk.usage:
            print(f"\n{chunk.usage.prompt_tokens} + {chunk.usage.completion_tokens} tokens")


if __name__ == "__main__":
    main(*sys.argv[1:])
