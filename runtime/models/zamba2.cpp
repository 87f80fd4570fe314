// SPDX-License-Identifier: Apache-2.0
// L5: Zamba2 (Glorioso et al. 2024): Mamba-2 layers, some of them preceded by one of a few shared blocks
// of attention and feed-forward that read the residual stream beside the embedding. Each use of a block has
// adapters and keys and values of its own.
#include "layers/linear.hpp"
#include "models/decoder_parts.hpp"
#include "models/mixer_parts.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::zamba2 {
namespace {

constexpr double kMambaNormEps = 1e-5; // whatever the config says of the other norms

struct Config {
    uint32_t layers, width, inner, blocks, rank;
    double eps;
    Heads heads;
    bool attention_adapters, rotates, long_context, bias;
    kernel::Activation activation;
    Mamba2Sizes mamba;
    std::vector<bool> hybrid; // of each layer: a shared block stands before Mamba-2
};

// Where the config does not say: every sixth layer, closer towards the end.
std::vector<bool> usual_pattern() {
    std::vector<bool> hybrid(54, false);
    for (uint32_t i : {6, 12, 18, 24, 30, 36, 42, 47, 51}) hybrid[i] = true;
    return hybrid;
}

Result<Heads> read_shared_heads(const JsonObject& c, uint32_t width) {
    Heads h;
    weft_ASSIGN(h.heads, c.count("num_attention_heads"));
    weft_ASSIGN(h.kv_heads, c.count_or("num_key_value_heads", h.heads));
    weft_ASSIGN(h.head_size, count_or_none(c, "attention_head_dim", 0));
    if (!h.head_size) h.head_size = uint32_t(2 * uint64_t(width) / h.heads);
    weft_TRY(check_heads(c, h, "num_attention_heads", "num_key_value_heads"));
    return h;
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(o.layers, layer_count(c));
    weft_ASSIGN(o.width, c.count("hidden_size"));
    weft_ASSIGN(o.inner, count_or_zero(c, "intermediate_size", 0));
    if (!o.inner && uint64_t(o.width) * 8 <= INT32_MAX) o.inner = 4 * o.width;
    if (!o.inner || 2 * uint64_t(o.inner) > INT32_MAX)
        return c.bad(c.has("intermediate_size") ? "intermediate_size" : "hidden_size", "is too large");
    weft_ASSIGN(o.heads, read_shared_heads(c, o.width));
    weft_ASSIGN(o.eps, epsilon_or(c, "rms_norm_eps", 1e-5));
    weft_ASSIGN(o.bias, c.boolean_or("add_bias_linear", false));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", "gelu"));
    weft_ASSIGN(o.blocks, c.count_or("num_mem_blocks", 1));
    weft_ASSIGN(o.rank, c.count_or("adapter_rank", 128));
    if (3 * uint64_t(o.rank) > INT32_MAX) return c.bad("adapter_rank", "is too large");
    weft_ASSIGN(o.attention_adapters, c.boolean_or("use_shared_attention_adapter", false));
    if (o.attention_adapters && (o.heads.kv_heads != o.heads.heads || o.heads.q_rows() != 2 * uint64_t(o.width)))
        return c.bad("use_shared_attention_adapter", "needs q, k and v of twice the model's width each");
    weft_ASSIGN(o.rotates, c.boolean_or("use_mem_rope", false));
    weft_ASSIGN(o.long_context, c.boolean_or("use_long_context", false));
    weft_ASSIGN(const uint32_t expand, c.count_or("mamba_expand", 2));
    weft_ASSIGN(o.mamba, read_mamba2(c, uint64_t(expand) * o.width,
                                     {.heads = {"n_mamba_heads", 8},
                                      .groups = {"mamba_ngroups", 1},
                                      .state_size = {"mamba_d_state", 64},
                                      .taps = {"mamba_d_conv", 4},
                                      .head_size = {"mamba_headdim", 0},
                                      .bias = "add_bias_linear"}));
    o.mamba.conv_bias = true;
    o.mamba.activation = kernel::Activation::silu;
    weft_ASSIGN(o.mamba.dt_min, c.number_or("time_step_min", 0.001));
    if (!(o.mamba.dt_min >= 0)) return c.bad("time_step_min", "must not be negative");
    const std::string key = c.has("layers_block_type") ? "layers_block_type" : "layer_types";
    weft_ASSIGN(const auto given, layers_of_kind(c, key, o.layers, "hybrid", "linear_attention"));
    o.hybrid = given.value_or(usual_pattern());
    if (o.hybrid.size() != o.layers)
        return c.bad("num_hidden_layers",
                     "must be " + std::to_string(o.hybrid.size()) + " where layers_block_type is absent");
    return o;
}

/// One of the shared blocks, without what belongs to a single use.
struct SharedBlock {
    std::string at;
    Norm attention_norm, mlp_norm;
    AttentionSpec attention;
    MlpSpec mlp;
};

SharedBlock shared_block(Builder& builder, const std::string& at, const Config& c, const Rope& rope) {
    const std::string attn = at + "self_attn.", ff = at + "feed_forward.";
    SharedBlock b{at,
                  builder.rms(at + "input_layernorm.weight", 2 * c.width, c.eps),
                  builder.rms(at + "pre_ff_layernorm.weight", c.width, c.eps),
                  c.heads.attention(),
                  {}};
    b.attention.qkv = builder.stacked_linear(attn + "qkv",
                                             {{attn + "q_proj", c.heads.q_rows()},
                                              {attn + "k_proj", c.heads.kv_rows()},
                                              {attn + "v_proj", c.heads.kv_rows()}},
                                             2 * c.width);
    b.attention.rope = rope;
    b.attention.scale = float(1 / std::sqrt(c.heads.head_size / 2.0));
    b.attention.out = builder.linear(attn + "o_proj", c.width, c.heads.q_rows());
    b.mlp = {.in = builder.linear(ff + "gate_up_proj", 2 * c.inner, c.width, c.bias),
             .out = builder.linear(ff + "down_proj", c.width, c.inner, c.bias),
             .inner = c.inner,
             .activation = c.activation};
    return b;
}

/// The block of each use. Use i is of block i % blocks. The file holds a block under the layer of one of its uses,
/// or under all of them; a use whose weights there are others has a block of its own.
std::vector<SharedBlock> shared_blocks(Builder& builder, const Config& c, const Rope& rope) {
    std::vector<std::string> names; // of the uses
    for (uint32_t i = 0; i < c.layers; ++i)
        if (c.hybrid[i]) names.push_back(layer_name(i) + "shared_transformer.");
    const auto query = [&](const std::string& at) { return builder.find(at + "self_attn.q_proj.weight"); };
    std::vector<SharedBlock> blocks;
    for (size_t i = 0; i < names.size(); ++i) {
        if (i < c.blocks) {
            size_t holder = i;
            while (holder < names.size() && !query(names[holder])) holder += c.blocks;
            blocks.push_back(shared_block(builder, names[holder < names.size() ? holder : i], c, rope));
            continue;
        }
        const SharedBlock& first = blocks[i % c.blocks];
        const TensorView *own = query(names[i]), *shared = query(first.at);
        const bool same = !own || own == shared ||
                          (shared && own->type == shared->type && std::ranges::equal(own->bytes, shared->bytes));
        blocks.push_back(same ? SharedBlock(first) : shared_block(builder, names[i], c, rope));
    }
    return blocks;
}

// Adapters of one use.
Linear adapter(Builder& builder, const std::string& list, uint32_t use, const char* part, uint32_t out, uint32_t in) {
    return builder.linear(list + "_adapter_list." + std::to_string(use) + "." + part, out, in);
}

SharedBlock adapted(Builder& builder, SharedBlock b, uint32_t use, const Config& c) {
    const std::string attn = b.at + "self_attn.linear_", ff = b.at + "feed_forward.gate_up_proj";
    b.mlp.adapter_down = adapter(builder, ff, use, "0", c.rank, c.width);
    b.mlp.adapter_up = adapter(builder, ff, use, "1", 2 * c.inner, c.rank);
    if (!c.attention_adapters) return b;
    const std::string index = "_adapter_list." + std::to_string(use) + ".0";
    b.attention.adapter_down = builder.stacked_linear(
        attn + "qkv" + index,
        {{attn + "q" + index, c.rank}, {attn + "k" + index, c.rank}, {attn + "v" + index, c.rank}}, 2 * c.width);
    for (size_t i = 0; i < 3; ++i)
        b.attention.adapter_up[i] = adapter(builder, attn + "qkv"[i], use, "1", 2 * c.width, c.rank);
    return b;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, true, {.norm = "final_layernorm.weight"}));
    if (c.long_context) s.trained_context = 16384;
    Rope rope;
    if (c.rotates) {
        Json edited = config.json();
        if (c.long_context) edited["max_position_embeddings"] = s.trained_context;
        weft_ASSIGN(rope, whole_head_rope(config.changed(edited), builder, c.heads.head_size, 10000, 4096));
    }
    decoder_of(s).streams = {{"embedding", c.width, Stream::Start::input}, {"side", c.width}};
    constexpr StreamId kEmbedding = 1, kSide = 2;
    const std::vector<SharedBlock> blocks = shared_blocks(builder, c, rope);
    uint32_t use = 0;
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), mamba = at + (c.hybrid[i] ? "mamba_decoder." : "");
        Layer layer;
        if (c.hybrid[i]) { // what the shared block gives goes into Mamba-2's input, not into the residual stream
            const SharedBlock b = adapted(builder, blocks[use], use, c);
            layer.blocks.push_back({.read = {kResidual, kEmbedding},
                                    .join = Join::columns,
                                    .pre = b.attention_norm,
                                    .branches = {{b.attention}},
                                    .write = kSide,
                                    .base = Base::none});
            layer.blocks.push_back(
                {.read = {kSide}, .pre = b.mlp_norm, .branches = {{b.mlp}}, .write = kSide, .base = Base::none});
            layer.blocks.push_back({.read = {kSide},
                                    .branches = {{LinearSpec{builder.linear(at + "linear", c.width, c.width)}}},
                                    .write = kSide,
                                    .base = Base::none});
            ++use;
        }
        layer.blocks.push_back(
            {.read = c.hybrid[i] ? std::vector{kResidual, kSide} : std::vector{kResidual},
             .pre = builder.rms(mamba + "input_layernorm.weight", c.width, c.eps),
             .branches = {{usual_mamba2(builder, mamba + "mamba.", c.width, c.mamba, kMambaNormEps)}}});
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"zamba2"},
    "Zamba2",
    "Mamba-2 with shared attention blocks over residual and embedding, adapters for each use",
    schedule,
    {},
    {},
    {{"attention_hidden_size", "follows from the width"},
     {"hybrid_layer_ids", "layers_block_type says the same"},
     {"kv_channels", "follows from the width"},
     {"num_query_groups", "num_key_value_heads says the same"},
     {"rope_*", "there are no positions"},
     {"use_conv_bias", "always"},
     {"chunk_size", "how the reference implementation computes"},
     {"time_step_max", "training"},
     {"time_step_floor", "training"}}};

} // namespace weft::detail::zamba2
