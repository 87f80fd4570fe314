# SPDX-License-Identifier: Apache-2.0
"""Makes tests/goldens/pictured: tiny language models that see pictures, with tokenizers and processors, and what
transformers makes of prompts with pictures in them.

    python tests/goldens/make_pictured.py tests/goldens/pictured

Each folder is a model as people have it; prompts.json lists prompts, their pictures, the tokens that they become and
those that follow, greedily. Needs pillow, torch and transformers, as references.
"""
import json
import pathlib
import sys

import PIL.Image
import torch
import transformers as tf
from make_pictures import photograph
from tokenizers import AddedToken, Tokenizer, decoders, models, processors

LETTERS = "abcdefghijklmnopqrstuvwxyz .?!:\n"
TEXT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 512, "bos_token_id": 1, "eos_token_id": 2,
        "pad_token_id": 0, "tie_word_embeddings": False}


def tokenizer(special, **named):
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2} | {c: 3 + i for i, c in enumerate(LETTERS)}
    t = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    t.decoder = decoders.Fuse()
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in ["<unk>", "<s>", "</s>", *special]])
    return tf.PreTrainedTokenizerFast(tokenizer_object=t, bos_token="<s>", eos_token="</s>", unk_token="<unk>",
                                      pad_token="<unk>", extra_special_tokens=named)


def mistral3():
    t = tokenizer(["[IMG]", "[IMG_BREAK]", "[IMG_END]"])
    processor = tf.PixtralProcessor(
        tf.PixtralImageProcessor(size={"longest_edge": 64}, patch_size={"height": 8, "width": 8}), t, patch_size=8,
        spatial_merge_size=2, image_token="[IMG]", image_break_token="[IMG_BREAK]", image_end_token="[IMG_END]")
    config = tf.Mistral3Config(
        text_config=tf.MistralConfig(**TEXT, vocab_size=len(t), sliding_window=None), spatial_merge_size=2,
        image_token_index=t.convert_tokens_to_ids("[IMG]"), vision_feature_layer=-1, tie_word_embeddings=False,
        vision_config=tf.PixtralVisionConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=1, head_dim=16,
                                             num_attention_heads=2, image_size=64, patch_size=8))
    return processor, tf.Mistral3ForConditionalGeneration(config), "[IMG]"


def qwen3_vl():
    t = tokenizer(["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"])
    id_of = t.convert_tokens_to_ids
    processor = tf.Qwen3VLProcessor(
        tf.Qwen2VLImageProcessor(patch_size=8, merge_size=2, temporal_patch_size=2,
                                 size={"shortest_edge": 32 * 32, "longest_edge": 64 * 64}), t,
        tf.Qwen3VLVideoProcessor(patch_size=8, merge_size=2, temporal_patch_size=2))
    config = tf.Qwen3VLConfig(
        text_config=TEXT | {"vocab_size": len(t),
                            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0,
                                                "mrope_interleaved": True, "mrope_section": [4, 2, 2]}},
        vision_config={"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 32,
                       "patch_size": 8, "spatial_merge_size": 2, "temporal_patch_size": 2,
                       "num_position_embeddings": 16, "deepstack_visual_indexes": [0]},
        image_token_id=id_of("<|image_pad|>"), video_token_id=id_of("<|video_pad|>"),
        vision_start_token_id=id_of("<|vision_start|>"), vision_end_token_id=id_of("<|vision_end|>"),
        tie_word_embeddings=False)
    return processor, tf.Qwen3VLForConditionalGeneration(config), "<|vision_start|><|image_pad|><|vision_end|>"


def llava():
    t = tokenizer(["<image>"], image_token="<image>")
    processor = tf.LlavaProcessor(
        tf.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}), t, patch_size=8,
        vision_feature_select_strategy="default", num_additional_image_tokens=1)
    config = tf.LlavaConfig(
        text_config=tf.LlamaConfig(**TEXT, vocab_size=len(t)), image_token_index=t.convert_tokens_to_ids("<image>"),
        vision_config=tf.CLIPVisionConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                                          num_attention_heads=2, image_size=32, patch_size=8, projection_dim=32),
        tie_word_embeddings=False)
    return processor, tf.LlavaForConditionalGeneration(config), "<image>\n"


def gemma3():
    t = tokenizer(["<start_of_image>", "<end_of_image>", "<image_soft_token>"], image_token="<image_soft_token>",
                  boi_token="<start_of_image>", eoi_token="<end_of_image>")
    id_of = t.convert_tokens_to_ids
    processor = tf.Gemma3Processor(tf.Gemma3ImageProcessor(size={"height": 32, "width": 32}), t, image_seq_length=4)
    config = tf.Gemma3Config(
        text_config=tf.Gemma3TextConfig(**TEXT, vocab_size=len(t), query_pre_attn_scalar=16, sliding_window=32),
        vision_config=tf.SiglipVisionConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=1,
                                            num_attention_heads=2, image_size=32, patch_size=8),
        mm_tokens_per_image=4, boi_token_index=id_of("<start_of_image>"), eoi_token_index=id_of("<end_of_image>"),
        image_token_index=id_of("<image_soft_token>"), tie_word_embeddings=False)
    return processor, tf.Gemma3ForConditionalGeneration(config), "<start_of_image>"


def llama4():
    # transformers 5.24 asks its text's outputs for what they do not have.
    tf.modeling_outputs.MoeCausalLMOutputWithPast.image_outputs = None
    t = tokenizer(["<|image_start|>", "<|image_end|>", "<|image|>", "<|patch|>", "<|tile_x_separator|>",
                   "<|tile_y_separator|>"])
    t.image_token = "<|image|>"
    processor = tf.Llama4Processor(
        tf.Llama4ImageProcessor(size={"height": 32, "width": 32}, max_patches=4), t, patch_size=8)
    config = tf.Llama4Config(
        text_config=TEXT | {"vocab_size": len(t), "intermediate_size_mlp": 48, "num_local_experts": 2,
                            "num_experts_per_tok": 1, "attention_chunk_size": 8192, "use_qk_norm": True,
                            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
        vision_config={"hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2,
                       "image_size": 32, "patch_size": 8, "pixel_shuffle_ratio": 0.5, "projector_input_dim": 32,
                       "projector_output_dim": 32, "vision_output_dim": 32,
                       "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
        image_token_index=t.convert_tokens_to_ids("<|patch|>"), boi_token_index=t.convert_tokens_to_ids("<|image_start|>"),
        eoi_token_index=t.convert_tokens_to_ids("<|image_end|>"), tie_word_embeddings=False)
    return processor, tf.Llama4ForConditionalGeneration(config), "<|image|>"


def prompts(mark):
    """Prompt as weft is given it and as the processor is, and its pictures."""
    yield "what is this?", mark + "what is this?", ["wide.png"]
    yield f"first {mark} then {mark}. which?", None, ["tall.png", "wide.png"]
    yield "what differs?", mark * 3 + "what differs?", ["square.png", "wide.png", "square.png"]


def main(out):
    out.mkdir(exist_ok=True)
    for i, (name, height, width) in enumerate([("wide", 40, 71), ("tall", 90, 50), ("square", 33, 33)]):
        PIL.Image.fromarray(photograph(height, width, i)).save(out / f"{name}.png", optimize=True)
    for make in (mistral3, qwen3_vl, llava, gemma3, llama4):
        processor, model, mark = make()
        generator = torch.Generator().manual_seed(5)
        for name, p in model.named_parameters():
            wide = p.dim() > 1
            with torch.no_grad():
                p.copy_(torch.randn(p.shape, generator=generator) * (1.5 / p.shape[-1] ** 0.5 if wide else 0.1) +
                        (1.0 if not wide and name.endswith("weight") else 0.0))
        model.eval()
        model.generation_config.eos_token_id = None
        folder = out / make.__name__
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        (folder / "chat_template.jinja").unlink(missing_ok=True)  # of Llama 4's processor, for a vocabulary of its own
        cases = []
        for given, written, names in prompts(mark):
            pictures = [PIL.Image.open(out / n) for n in names]
            x = processor(text=written or given, images=pictures, return_tensors="pt")
            x["pixel_values"] = x["pixel_values"].float()  # Llama 4's are bf16
            made = model.generate(**x, max_new_tokens=12, do_sample=False)
            ids = x["input_ids"][0].tolist()
            cases.append({"prompt": given, "pictures": names, "ids": ids, "greedy": made[0, len(ids):].tolist(),
                          "text": processor.tokenizer.decode(made[0, len(ids):], skip_special_tokens=True)})
        (folder / "prompts.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
