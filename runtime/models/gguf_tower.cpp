// SPDX-License-Identifier: Apache-2.0
#include "models/gguf_tower.hpp"
#include "models/gguf.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

constexpr const char* kType = "clip.projector_type";

// What most files call weights of towers and projectors.
const std::vector<GgufName> kTowerNames = {
    // CLIP and SigLIP
    {"embeddings.patch_embedding", "v.patch_embd"},
    {"embeddings.class_embedding", "v.class_embd"},
    {"embeddings.position_embedding", "v.position_embd"},
    {"pre_layrnorm", "v.pre_ln"},
    {"post_layernorm", "v.post_ln"},
    {"encoder.layers.*.layer_norm1", "v.blk.*.ln1"},
    {"encoder.layers.*.layer_norm2", "v.blk.*.ln2"},
    {"encoder.layers.*.self_attn.q_proj", "v.blk.*.attn_q"},
    {"encoder.layers.*.self_attn.k_proj", "v.blk.*.attn_k"},
    {"encoder.layers.*.self_attn.v_proj", "v.blk.*.attn_v"},
    {"encoder.layers.*.self_attn.out_proj", "v.blk.*.attn_out"},
    {"encoder.layers.*.mlp.fc1", "v.blk.*.ffn_up"},
    {"encoder.layers.*.mlp.fc2", "v.blk.*.ffn_down"},
    // Pixtral
    {"patch_conv", "v.patch_embd"},
    {"ln_pre", "v.pre_ln"},
    {"transformer.layers.*.attention_norm", "v.blk.*.ln1"},
    {"transformer.layers.*.ffn_norm", "v.blk.*.ln2"},
    {"transformer.layers.*.attention.q_proj", "v.blk.*.attn_q"},
    {"transformer.layers.*.attention.k_proj", "v.blk.*.attn_k"},
    {"transformer.layers.*.attention.v_proj", "v.blk.*.attn_v"},
    {"transformer.layers.*.attention.o_proj", "v.blk.*.attn_out"},
    {"transformer.layers.*.feed_forward.gate_proj", "v.blk.*.ffn_gate"},
    {"transformer.layers.*.feed_forward.up_proj", "v.blk.*.ffn_up"},
    {"transformer.layers.*.feed_forward.down_proj", "v.blk.*.ffn_down"},
    // Qwen3-VL
    {"patch_embed.proj", "v.patch_embd"},
    {"patch_embed.proj.weight.*", "v.patch_embd.weight.*"},
    {"pos_embed", "v.position_embd"},
    {"blocks.*.norm1", "v.blk.*.ln1"},
    {"blocks.*.norm2", "v.blk.*.ln2"},
    {"blocks.*.attn.qkv", "v.blk.*.attn_qkv"},
    {"blocks.*.attn.proj", "v.blk.*.attn_out"},
    {"blocks.*.mlp.linear_fc1", "v.blk.*.ffn_up"},
    {"blocks.*.mlp.linear_fc2", "v.blk.*.ffn_down"},
    {"merger.norm", "v.post_ln"},
    {"merger.linear_fc1", "mm.0"},
    {"merger.linear_fc2", "mm.2"},
    {"deepstack_merger_list.*.norm", "v.deepstack.*.norm"},
    {"deepstack_merger_list.*.linear_fc1", "v.deepstack.*.fc1"},
    {"deepstack_merger_list.*.linear_fc2", "v.deepstack.*.fc2"},
    // Llama 4
    {"patch_embedding.linear", "v.patch_embd"},
    {"class_embedding", "v.class_embd"},
    {"positional_embedding_vlm", "v.position_embd.weight"},
    {"layernorm_pre", "v.pre_ln"},
    {"layernorm_post", "v.post_ln"},
    {"model.layers.*.input_layernorm", "v.blk.*.ln1"},
    {"model.layers.*.post_attention_layernorm", "v.blk.*.ln2"},
    {"model.layers.*.self_attn.q_proj", "v.blk.*.attn_q"},
    {"model.layers.*.self_attn.k_proj", "v.blk.*.attn_k"},
    {"model.layers.*.self_attn.v_proj", "v.blk.*.attn_v"},
    {"model.layers.*.self_attn.o_proj", "v.blk.*.attn_out"},
    {"model.layers.*.mlp.fc1", "v.blk.*.ffn_up"},
    {"model.layers.*.mlp.fc2", "v.blk.*.ffn_down"},
    {"vision_adapter.mlp.fc1", "mm.model.mlp.1"},
    {"vision_adapter.mlp.fc2", "mm.model.mlp.2"},
    // Projectors
    {"multi_modal_projector.norm", "mm.input_norm"},
    {"multi_modal_projector.linear_1", "mm.1"},
    {"multi_modal_projector.linear_2", "mm.2"},
    {"multi_modal_projector.patch_merger.merging_layer", "mm.patch_merger"},
    {"multi_modal_projector.mm_soft_emb_norm", "mm.soft_emb_norm"},
    {"multi_modal_projector.mm_input_projection_weight", "mm.input_projection.weight"}};
// Older files call the two products of a layer the other way round.
const std::vector<GgufName> kSwappedNames = {{"encoder.layers.*.mlp.fc1", "v.blk.*.ffn_down"},
                                             {"encoder.layers.*.mlp.fc2", "v.blk.*.ffn_up"}};

struct Found {
    const Architecture* whole = nullptr;
    const GgufTower* tower = nullptr;
};

Result<Found> find_tower(const GgufMetadata& metadata) {
    const char* const key = metadata.has(kType) ? kType : "clip.vision.projector_type"; // of towers for sound too
    weft_ASSIGN(const auto type, metadata.string(key));
    std::string known;
    for (const Architecture* a : all_architectures())
        for (const GgufTower& tower : a->towers) {
            if (type == tower.type) return Found{a, &tower};
            known += (known.empty() ? "" : ", ") + std::string(tower.type);
        }
    return Error{ErrorCode::unsupported,
                 metadata.bad(key, "is " + in_quotes(type) + ", which is not supported").message,
                 {"weft knows: " + known}};
}

bool swapped(const ModelFiles& files) {
    const TensorView* down = files.find("v.blk.0.ffn_down.weight");
    const auto width = files.mmproj()->count("clip.vision.embedding_length");
    return down && width && !down->shape.empty() && down->shape.back() == *width;
}

// The sizes that all towers have, under the names that most configs have for them.
Result<Json> sizes(const GgufMetadata& metadata, Json& keys) {
    Json vision;
    for (const auto& [name, key] : {std::pair{"hidden_size", "clip.vision.embedding_length"},
                                    {"intermediate_size", "clip.vision.feed_forward_length"},
                                    {"num_hidden_layers", "clip.vision.block_count"},
                                    {"num_attention_heads", "clip.vision.attention.head_count"},
                                    {"image_size", "clip.vision.image_size"},
                                    {"patch_size", "clip.vision.patch_size"}}) {
        weft_ASSIGN(const uint32_t n, metadata.count(key));
        vision[name] = n;
        keys[name] = key;
    }
    weft_ASSIGN(const double eps, metadata.number("clip.vision.attention.layer_norm_epsilon"));
    vision["layer_norm_eps"] = eps;
    return vision;
}

// The token that stands for a row of a picture.
Result<uint32_t> placeholder(const GgufMetadata& text, const std::string& written) {
    weft_ASSIGN(const auto tokens, text.strings("tokenizer.ggml.tokens"));
    const auto at = std::ranges::find(tokens, written);
    if (at == tokens.end())
        return text.bad("tokenizer.ggml.tokens",
                        "has no " + in_quotes(written) + ", which stands for rows of pictures");
    return uint32_t(at - tokens.begin());
}

// How wide the rows are that the last product of a projector gives.
Status check_width(const ModelFiles& files, const Json& text) {
    const uint64_t width = text.at("hidden_size");
    for (const auto& [name, axis] :
         {std::pair{"mm.input_projection.weight", 1}, {"mm.model.fc.weight", 0}, {"mm.2.weight", 0}}) {
        const TensorView* last = files.find(name);
        if (!last || last->shape.size() != 2) continue;
        if (last->shape[size_t(axis)] == width) return Ok{};
        return Error{ErrorCode::invalid_argument,
                     files.mmproj()->origin() + ": tensor " + in_quotes(name) + ": gives rows " +
                         std::to_string(last->shape[size_t(axis)]) + " wide; those of " + files.gguf()->origin() +
                         " are " + std::to_string(width) + " wide: the two are not of one model",
                     {}};
    }
    return Ok{};
}

} // namespace

std::vector<GgufName> gguf_names(const ModelFiles& files) {
    if (!files.mmproj()) {
        const GgufSide* side = gguf_side(files);
        return side ? side->names : std::vector<GgufName>();
    }
    std::vector<GgufName> names;
    if (const auto found = find_tower(*files.mmproj())) names = found->tower->names;
    if (swapped(files)) names.insert(names.end(), kSwappedNames.begin(), kSwappedNames.end());
    names.insert(names.end(), kTowerNames.begin(), kTowerNames.end());
    return names;
}

Result<GgufWhole> gguf_whole(const ModelFiles& files, const Json& text) {
    const GgufMetadata& metadata = *files.mmproj();
    weft_ASSIGN(const Found found, find_tower(metadata));
    weft_ASSIGN(const bool sees, metadata.boolean_or("clip.has_vision_encoder", true));
    if (!sees) return metadata.bad("clip.has_vision_encoder", "is false: the file has no tower for pictures");
    if (found.tower->text_type && text.at("model_type") != found.tower->text_type)
        return Error{ErrorCode::invalid_argument,
                     metadata.origin() + ": is the tower of " + found.whole->title + ", and " + files.gguf()->origin() +
                         " is of type " + in_quotes(text.at("model_type").get<std::string>()) +
                         ": the two are not of one model",
                     {}};
    weft_TRY(check_width(files, text));
    GgufWhole whole;
    whole.config = {{kGgufKeys, Json::object()},
                    {"model_type", found.whole->model_types[0]},
                    {"tie_word_embeddings", text.at("tie_word_embeddings")},
                    {"text_config", text}};
    weft_ASSIGN(whole.config["vision_config"], sizes(metadata, whole.config[kGgufKeys]));
    whole.preparing = Json::object();
    weft_TRY(found.tower->complete(files, whole.config, whole.preparing));
    for (const auto& [name, key] :
         {std::pair{"image_mean", "clip.vision.image_mean"}, {"image_std", "clip.vision.image_std"}}) {
        weft_ASSIGN(const auto numbers, metadata.numbers(key));
        whole.preparing[name] = numbers;
    }
    weft_ASSIGN(const PictureText written, picture_text_of(whole.config));
    weft_ASSIGN(whole.config["image_token_id"], placeholder(*files.gguf(), written.each));
    return whole;
}

Result<GgufWhole> gguf_whole(const ModelFiles& files) {
    const GgufSide* side = gguf_side(files);
    if (!side)
        return Error{ErrorCode::unsupported, files.origin() + ": is of an architecture that weft does not know", {}};
    weft_ASSIGN(const Json text, gguf_config(*side, files));
    return gguf_whole(files, text);
}

Result<std::string> gguf_tower_activation(const GgufMetadata& metadata, const char* gelu) {
    weft_ASSIGN(const bool is_gelu, metadata.boolean_or("clip.use_gelu", false));
    weft_ASSIGN(const bool is_silu, metadata.boolean_or("clip.use_silu", false));
    if (is_gelu && is_silu) return metadata.bad("clip.use_silu", "must be false where clip.use_gelu is true");
    return std::string(is_gelu ? gelu : is_silu ? "silu" : "quick_gelu");
}

Json gguf_square(const Json& vision) {
    return {{"height", vision.at("image_size")}, {"width", vision.at("image_size")}};
}

} // namespace weft::detail
