# SPDX-License-Identifier: Apache-2.0
"""Writes models that see pictures as pairs of GGUF files, model.gguf and mmproj.gguf, as llama.cpp's converters do it.

    python tests/goldens/make_seeing_gguf.py tests/goldens/pictured/gemma3 ... [--out FOLDER]

Names are those of the package gguf, but for the tower of LLaVA, whose converter has a table of its own. A tokenizer is
one of letters, as make_pictured.py has it. Needs gguf, numpy and safetensors, as references.
"""
import argparse
import json
import pathlib
import re

import gguf
import numpy
import safetensors.numpy

NAMES = gguf.get_tensor_name_map(gguf.MODEL_ARCH.MMPROJ, 64)


def turned(w, heads):
    """As the converter of Llama's family turns q and k: neighbours in place of halves."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def official(name):
    found = NAMES.get_name(name, try_suffixes=(".weight", ".bias"))
    assert found, name
    return found


def gemma3(w, c, tensors):
    vision = c["vision_config"]
    scale = vision["image_size"] // vision["patch_size"] // int(c["mm_tokens_per_image"] ** 0.5)
    w.add_clip_projector_type(gguf.VisionProjectorType.GEMMA3)
    w.add_vision_attention_layernorm_eps(vision["layer_norm_eps"])
    w.add_vision_use_gelu(True)
    if scale != 4:
        w.add_vision_projector_scale_factor(scale)
    for name, x in tensors.items():
        if "vision_model.head." not in name:
            yield official(name.replace("_weight", ".weight")), x + 1 if "soft_emb_norm" in name else x


def mistral3(w, c, tensors):
    w.add_clip_projector_type(gguf.VisionProjectorType.PIXTRAL)
    w.add_vision_attention_layernorm_eps(1e-5)
    assert c["vision_config"]["hidden_act"] in ("gelu", "silu")
    (w.add_vision_use_gelu if c["vision_config"]["hidden_act"] == "gelu" else w.add_vision_use_silu)(True)
    if "spatial_merge_size" in c:
        w.add_vision_spatial_merge_size(c["spatial_merge_size"])
    for name, x in tensors.items():
        yield official(name), turned(x, c["vision_config"]["num_attention_heads"]) \
            if name.endswith(("q_proj.weight", "k_proj.weight")) else x
    yield "v.token_embd.img_break", numpy.zeros(c["text_config"]["hidden_size"], numpy.float32)


def qwen3_vl(w, c, tensors):
    vision = c["vision_config"]
    deep = vision["deepstack_visual_indexes"]
    w.add_clip_projector_type(gguf.VisionProjectorType.QWEN3VL)
    w.add_vision_use_gelu(True)
    w.add_vision_spatial_merge_size(vision["spatial_merge_size"])
    w.add_vision_attention_layernorm_eps(c["text_config"]["rms_norm_eps"])
    w.add_vision_is_deepstack_layers([i in deep for i in range(vision["depth"])])
    for name, x in tensors.items():
        if at := re.fullmatch(r"visual.deepstack_merger_list.(\d+).(?:linear_)?(\w+).(\w+)", name):
            yield f"v.deepstack.{deep[int(at[1])]}.{at[2]}.{at[3]}", x
        elif at := re.fullmatch(r"visual.merger.linear_fc(\d).(\w+)", name):
            yield f"mm.{2 * int(at[1]) - 2}.{at[2]}", x
        elif name.startswith("visual.merger.norm."):
            yield name.replace("visual.merger.norm", "v.post_ln"), x
        elif name == "visual.patch_embed.proj.weight":
            yield "v.patch_embd.weight", x[:, :, 0]
            yield "v.patch_embd.weight.1", x[:, :, 1]
        else:
            yield "v.patch_embd.bias" if name == "visual.patch_embed.proj.bias" else official(name), x


def llava(w, c, tensors):
    w.add_string("clip.projector_type", "mlp")
    w.add_bool("clip.has_text_encoder", False)
    w.add_bool("clip.has_llava_projector", True)
    w.add_bool("clip.use_gelu", c["vision_config"]["hidden_act"] == "gelu")
    w.add_vision_attention_layernorm_eps(c["vision_config"]["layer_norm_eps"])
    layers = c["vision_config"]["num_hidden_layers"] + c.get("vision_feature_layer", -2) + 1
    w.add_vision_block_count(layers)
    w.add_array("clip.vision.feature_layer", [layers])
    for name, x in tensors.items():
        if "post_layernorm" in name or re.search(rf"layers.{layers}\.", name):
            continue
        name = name.replace("multi_modal_projector.linear_1", "mm.0").replace("multi_modal_projector.linear_2", "mm.2")
        for one, other in (("vision_tower.vision_model", "v"), ("encoder.layers", "blk"), ("embeddings.", ""),
                           ("_proj", ""), ("self_attn.", "attn_"), ("layer_norm", "ln"), ("mlp.fc1", "ffn_down"),
                           ("mlp.fc2", "ffn_up"), ("embedding", "embd"), ("layrnorm", "ln")):
            name = name.replace(one, other)
        yield name, x


def llama4(w, c, tensors):
    vision = c["vision_config"]
    w.add_clip_projector_type(gguf.VisionProjectorType.LLAMA4)
    w.add_vision_attention_layernorm_eps(vision["norm_eps"])
    w.add_vision_projector_scale_factor(int(1 / vision["pixel_shuffle_ratio"]))
    w.add_vision_use_gelu(True)
    for name, x in tensors.items():
        if name == "multi_modal_projector.linear_1.weight":
            yield "mm.model.fc.weight", x
        else:
            # The package has the name of a norm of Gemma 4 for it now.
            gguf_name = official(name + ".weight" if name.endswith("positional_embedding_vlm") else name)
            yield gguf_name.replace("attn_post_norm", "ln2"), x


# The names that older versions of transformers gave.
def former(name):
    name = re.sub(r"^model\.(?=vision|visual|multi)", "", name)
    name = re.sub(r"^(model\.language_model|language_model\.model)\.", "model.", name).removeprefix("language_model.")
    return re.sub(r"^vision_tower\.(?=embeddings|encoder|head|pre_layrnorm|post_layernorm)",
                  "vision_tower.vision_model.", name)


ARCHITECTURES = {"gemma3": "gemma3", "mistral3": "llama", "llava": "llama", "qwen3_vl": "qwen3vl", "llama4": "llama4"}


def letters(w, folder):
    """As SentencePiece has it, which needs no merges."""
    t = json.loads((folder / "tokenizer.json").read_text())
    special = {a["content"] for a in t["added_tokens"]}
    tokens = t["model"]["vocab"] | {a["content"]: a["id"] for a in t["added_tokens"]}
    tokens = sorted(tokens, key=tokens.get)
    w.add_tokenizer_model("llama")
    w.add_token_list([k if k in special else k.replace(" ", "\u2581") for k in tokens])
    w.add_token_scores([0.0] * len(tokens))
    w.add_token_types([gguf.TokenType.CONTROL if k in special else gguf.TokenType.NORMAL for k in tokens])
    w.add_add_space_prefix(False)
    w.add_unk_token_id(0)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_add_bos_token(True)


def apart(tensors):
    """Llama 4's experts, [experts, in, out] and two products in one, as rows of one product each."""
    for name, x in tensors.items():
        if name.endswith("gate_up_proj"):
            for one, part in zip(("gate", "up"), numpy.split(x.swapaxes(1, 2), 2, 1)):
                yield name.replace("gate_up_proj", one + "_proj.weight"), part
        elif name.endswith("experts.down_proj"):
            yield name + ".weight", x.swapaxes(1, 2)
        else:
            yield name, x


def text(folder, out, c, tensors):
    of_text = c["text_config"]
    architecture = ARCHITECTURES[c["model_type"]]
    w = gguf.GGUFWriter(out / "model.gguf", architecture)
    rope = of_text["rope_parameters"]
    w.add_block_count(of_text["num_hidden_layers"])
    w.add_context_length(of_text["max_position_embeddings"])
    w.add_embedding_length(of_text["hidden_size"])
    w.add_head_count(of_text["num_attention_heads"])
    w.add_head_count_kv(of_text["num_key_value_heads"])
    w.add_key_length(of_text["head_dim"])
    w.add_value_length(of_text["head_dim"])
    w.add_rope_dimension_count(of_text["head_dim"])
    w.add_layer_norm_rms_eps(of_text["rms_norm_eps"])
    w.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    if architecture == "gemma3":
        w.add_sliding_window(of_text["sliding_window"])
        w.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])
    if architecture == "qwen3vl":
        w.add_rope_dimension_sections([*rope["mrope_section"], 0])
        w.add_num_deepstack_layers(len(c["vision_config"]["deepstack_visual_indexes"]))
    if architecture == "llama4":
        w.add_feed_forward_length(of_text["intermediate_size_mlp"])
        w.add_expert_feed_forward_length(of_text["intermediate_size"])
        w.add_expert_count(of_text["num_local_experts"])
        w.add_expert_used_count(of_text["num_experts_per_tok"])
        w.add_interleave_moe_layer_step(of_text["interleave_moe_layer_step"])
        tensors = dict(apart(tensors))
    else:
        w.add_feed_forward_length(of_text["intermediate_size"])
    letters(w, folder)
    names = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, architecture.upper()), of_text["num_hidden_layers"])
    for name, x in tensors.items():
        heads = {"q": "num_attention_heads", "k": "num_key_value_heads"}
        at = re.search(r"([qk])_proj.weight$", name)
        if at and architecture == "llama":
            x = turned(x, of_text[heads[at[1]]])
        if architecture == "gemma3" and name.endswith("norm.weight"):
            x = x + 1
        w.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), numpy.ascontiguousarray(x))
    finish(w)


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main(folder, out):
    c = json.loads((folder / "config.json").read_text())
    vision = c["vision_config"]
    preparing = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    if (folder / "processor_config.json").exists():
        preparing = json.loads((folder / "processor_config.json").read_text())["image_processor"]
    tensors = {former(k): v for k, v in safetensors.numpy.load_file(folder / "model.safetensors").items()}
    of_text = {k: v for k, v in tensors.items() if not re.match(r"vision_|visual\.|multi_modal", k)}
    if (folder / "tokenizer.json").exists():
        text(folder, out, c, of_text)
    tensors = {k: v for k, v in tensors.items() if k not in of_text}
    w = gguf.GGUFWriter(out / "mmproj.gguf", "clip")
    w.add_clip_has_vision_encoder(True)
    layers = vision.get("num_hidden_layers", vision.get("depth"))
    side = vision.get("image_size")
    w.add_vision_image_size(side or int(vision["num_position_embeddings"] ** 0.5) * vision["patch_size"])
    w.add_vision_patch_size(vision["patch_size"])
    w.add_vision_embedding_length(vision["hidden_size"])
    w.add_vision_feed_forward_length(vision["intermediate_size"])
    if c["model_type"] != "llava":
        w.add_vision_block_count(layers)
    w.add_vision_head_count(vision.get("num_attention_heads", vision.get("num_heads")))
    w.add_vision_projection_dim(c["text_config"]["hidden_size"])
    w.add_vision_image_mean(preparing["image_mean"])
    w.add_vision_image_std(preparing["image_std"])
    if "max_patches" in preparing:
        w.add_uint32("clip.vision.preproc_max_tiles", preparing["max_patches"])
    if c["model_type"] == "qwen3_vl" and "size" in preparing:
        w.add_vision_min_pixels(preparing["size"]["shortest_edge"])
        w.add_vision_max_pixels(preparing["size"]["longest_edge"])
    for name, x in globals()[c["model_type"]](w, c, tensors):
        w.add_tensor(name, numpy.ascontiguousarray(x, numpy.float32))
    finish(w)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path, nargs="+")
    parser.add_argument("--out", type=pathlib.Path)
    given = parser.parse_args()
    for one in given.folder:
        main(one, given.out or one)
