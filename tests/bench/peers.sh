#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# weft beside llama.cpp's Vulkan backend: the same GGUF files, the same driver, one after the other on the same machine.
#
#   tests/bench/peers.sh [WEFT]               WEFT: the program, build/release/apps/weft/weft by default
#   tests/bench/peers.sh --host CHIP [WEFT]   what a decoded token costs the host with a real GPU's driver, and what the
#                                             device is given for it; tests/gpus.sh lists the chips
#
# Both run on the lavapipe of Debian sid (tests/drivers.sh), llama.cpp from sid's packages, which are unpacked and not
# installed. Where either cannot be had, or there is no python3 to make the random weights, it says so and ends with 0:
# nothing is compared then.
# The model is a random llama of 27.8 M parameters: 512 wide, 8 layers, 8 heads (4 of keys and values), 1408 inside,
# 4096 words.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
chip=
[ "${1:-}" != --host ] || { chip=${2:?peers: --host needs a chip}; shift 2; }
weft=${1:-$here/../build/release/apps/weft/weft}
cache=${WEFT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weft-build}
prompt=256 generate=32 rounds=${ROUNDS:-3}

skip() { printf 'peers: SKIPPED: %s\n' "$*"; exit 0; }
[ -x "$weft" ] || { echo "peers: $weft is not there: build weft first" >&2; exit 1; }
command -v python3 >/dev/null 2>&1 || skip 'no python3'
sh "$here/drivers.sh" fetch sid >/dev/null || skip "sid's lavapipe cannot be fetched"
sid=$cache/drivers/sid peer=$cache/peers/llama.cpp
if [ ! -d "$peer" ]; then
  mkdir -p "$cache/peers"
  sh "$here/../cmake/setup.sh" --unpack sid "$peer.$$" --closure llama.cpp libggml0-backend-vulkan >&2 ||
    skip 'llama.cpp cannot be fetched'
  mv "$peer.$$" "$peer"
fi

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
trap 'exit 130' INT TERM
export MESA_SHADER_CACHE_DIR="$cache/mesa"

python3 - "$scratch/llama" <<'END'
import json, os, random, struct, sys
folder = sys.argv[1]
os.mkdir(folder)
width, layers, heads, kv, inner, words = 512, 8, 8, 4, 1408, 4096
json.dump({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": width,
           "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv,
           "intermediate_size": inner, "vocab_size": words, "max_position_embeddings": 4096, "rms_norm_eps": 1e-6,
           "rope_theta": 10000.0, "torch_dtype": "float16", "tie_word_embeddings": False,
           "bos_token_id": 1, "eos_token_id": 2}, open(folder + "/config.json", "w"))
# A vocabulary that both read: 256 bytes, three marks, and words that no text has.
vocabulary = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)]
vocabulary += ["\u2581w%d" % i for i in range(words - 259)]
plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
json.dump({"version": "1.0",
           "added_tokens": [{"id": i, "content": vocabulary[i], "special": True, **plain} for i in range(3)],
           "normalizer": {"type": "Sequence", "normalizers": [
               {"type": "Prepend", "prepend": "\u2581"},
               {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
           "pre_tokenizer": None, "post_processor": None,
           "decoder": {"type": "Sequence", "decoders": [
               {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
               {"type": "ByteFallback"}, {"type": "Fuse"}]},
           "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
                     "vocab": {w: i for i, w in enumerate(vocabulary)}, "merges": []}},
          open(folder + "/tokenizer.json", "w"))
shapes = {"model.embed_tokens.weight": (words, width), "model.norm.weight": (width,), "lm_head.weight": (words, width)}
for i in range(layers):
    p = "model.layers.%d." % i
    shapes.update({p + "input_layernorm.weight": (width,),
                   p + "post_attention_layernorm.weight": (width,),
                   p + "self_attn.q_proj.weight": (width, width),
                   p + "self_attn.k_proj.weight": (width * kv // heads, width),
                   p + "self_attn.v_proj.weight": (width * kv // heads, width),
                   p + "self_attn.o_proj.weight": (width, width),
                   p + "mlp.gate_proj.weight": (inner, width),
                   p + "mlp.up_proj.weight": (inner, width),
                   p + "mlp.down_proj.weight": (width, inner)})
random.seed(1)
small = bytes(b & 0x83 | 0x24 for b in range(256))  # the upper byte of a half between 2^-6 and 2^-5, of either sign
header, data, at = {}, [], 0
for name, shape in shapes.items():
    n = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = bytearray(b"\x00\x3c" * n)
    if len(shape) > 1:
        values = bytearray(random.getrandbits(16 * n).to_bytes(2 * n, "little"))
        values[1::2] = values[1::2].translate(small)
    header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + 2 * n]}
    data.append(bytes(values))
    at += 2 * n
text = json.dumps(header).encode()
with open(folder + "/model.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text)
    f.writelines(data)
END

# ---- --host: nothing is computed, so that a token's time is the host's ----------------------------------------------

# Prints the submissions, dispatches and barriers of what a program gave the device, which a layer counts.
counted() {
  rm -f "$scratch/counts"
  COUNTS=$scratch/counts VK_LAYER_PATH=$scratch VK_INSTANCE_LAYERS=VK_LAYER_WEFT_count "$@" >/dev/null 2>&1
  cat "$scratch/counts"
}
weft_decodes() { # TOKENS, twice: the first time warms up
  sh "$here/gpus.sh" exec "$chip" "$weft" bench model "$scratch/f16.gguf" --dtype f16 --prompt 8 --generate "$1" \
    --repeats 1 --json
}
llama_decodes() { # TOKENS
  (
    cd "$peer"/usr/lib/*/ggml/backends0
    lib=$(echo "$peer"/usr/lib/*-linux-gnu*)
    export GGML_VK_VISIBLE_DEVICES=0 WEFT_LIBRARIES="$lib:$lib/llama:$lib/ggml/backends0"
    sh "$here/gpus.sh" exec "$chip" "$peer/usr/bin/llama-bench" -m "$scratch/f16.gguf" -ngl 99 -p 0 -n "$1" -r 1 -o json
  )
}

if [ -n "$chip" ]; then
  c++ -std=c++20 -O1 -shared -fPIC -o "$scratch/libcount_layer.so" "$here/bench/count_layer.cpp" ||
    skip 'the layer that counts cannot be built'
  cat >"$scratch/count_layer.json" <<'END'
{ "file_format_version": "1.2.0", "layer": { "name": "VK_LAYER_WEFT_count", "type": "GLOBAL", "api_version": "1.3.0",
  "library_path": "./libcount_layer.so", "implementation_version": "1", "description": "Counts submissions" } }
END
  "$weft" quantize "$scratch/llama" "$scratch/f16.gguf" --type f16 >/dev/null
  for who in weft llama; do
    "${who}_decodes" 512 >"$scratch/$who.json" 2>"$scratch/$who.errors" ||
      { tail -n 3 "$scratch/$who.errors" >&2; skip "$who does not run on $chip"; }
    for n in 64 192; do counted "${who}_decodes" $n >"$scratch/$who.$n"; done
  done
  python3 - "$scratch" "$chip" <<'END'
import json, sys
scratch, chip = sys.argv[1:]
us = {"weft": 1e6 / json.load(open(scratch + "/weft.json"))["decode_tokens_per_s"],
      "llama": 1e6 / json.load(open(scratch + "/llama.json"))[0]["avg_ts"]}
print("%-24s %10s %12s %11s %9s" % ("a decoded token, " + chip, "host, us", "submissions", "dispatches", "barriers"))
for who, name, times in (("weft", "weft", 2), ("llama", "llama.cpp", 1)):
    few, many = (list(map(int, open(f"{scratch}/{who}.{n}").read().split())) for n in (64, 192))
    print("%-24s %10.1f %12.3f %11.2f %9.2f" % (name, us[who], *((b - a) / (128 * times) for a, b in zip(few, many))))
END
  exit
fi

# ---- without: both compute on the same software driver -----------------------------------------------------------

# llama.cpp finds its backends in the working directory, and a driver of the processor only if it is asked for.
llama() {
  (
    cd "$peer"/usr/lib/*/ggml/backends0
    for l in "$peer"/usr/lib*/ld-linux*.so.*; do [ ! -e "$l" ] || break; done
    lib=$(echo "$peer"/usr/lib/*-linux-gnu*)
    VK_ICD_FILENAMES=$sid/icd.json VK_DRIVER_FILES=$sid/icd.json GGML_VK_VISIBLE_DEVICES=0 \
      "$l" --library-path "$lib:$lib/llama:$lib/ggml/backends0:$(echo "$sid"/usr/lib/*-linux-gnu*)" \
      "$peer/usr/bin/llama-bench" -m "$1" -ngl 99 -p $prompt -n $generate -r 1 -o json 2>/dev/null
  )
}

printf '%-6s %28s %28s\n' '' "prefill $prompt, tokens/s" "decode $generate, tokens/s"
printf '%-6s %9s %9s %8s %9s %9s %8s\n' type weft llama.cpp ratio weft llama.cpp ratio
for type in f16 q8_0 q4_0; do
  "$weft" quantize "$scratch/llama" "$scratch/$type.gguf" --type $type >/dev/null
  round=0
  while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    llama "$scratch/$type.gguf" >"$scratch/$type.llama.$round" || skip "llama-bench failed on $type"
    sh "$here/drivers.sh" exec sid "$weft" bench model "$scratch/$type.gguf" --dtype f16 \
      --prompt $prompt --generate $generate --json >"$scratch/$type.weft.$round" 2>/dev/null
  done
  python3 - "$scratch" $type "$rounds" <<'END'
import json, statistics, sys
scratch, kind, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
ours, theirs = [], []
for i in range(1, rounds + 1):
    w = json.load(open(f"{scratch}/{kind}.weft.{i}"))
    ours.append((w["prefill_tokens_per_s"], w["decode_tokens_per_s"]))
    rows = json.load(open(f"{scratch}/{kind}.llama.{i}"))
    theirs.append((next(r["avg_ts"] for r in rows if r["n_gen"] == 0), next(r["avg_ts"] for r in rows if r["n_gen"])))
ratios = [(a[0] / b[0], a[1] / b[1]) for a, b in zip(ours, theirs)]
middle = lambda list_, k: statistics.median(x[k] for x in list_)
print("%-6s" % kind,
      *("%9.1f %9.1f %7.1fx" % (middle(ours, k), middle(theirs, k), middle(ratios, k)) for k in (0, 1)))
END
done
