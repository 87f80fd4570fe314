// SPDX-License-Identifier: Apache-2.0
// L5: gpt-oss (OpenAI 2025): attention with a learned sink a head, windows in every other layer, YaRN;
// experts with biases and a clamped SwiGLU, in MXFP4 or not.
#include "models/decoder_parts.hpp"
#include "models/gguf.hpp"

namespace weft::detail::gpt_oss {
namespace {

struct Config : DecoderSizes {
    Experts experts;
    double limit;
    std::vector<uint32_t> windows; // of each layer
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o),
                read_decoder(c, {.eps = 1e-5, .inner = 2880, .kv_heads = 8, .head_size = 64}));
    weft_ASSIGN(o.attention_bias, c.boolean_or("attention_bias", true));
    const char* count_key = either(c, "num_local_experts", "num_experts");
    weft_ASSIGN(o.experts.count, c.count_or(count_key, 128));
    weft_ASSIGN(o.experts.chosen, c.count_or("num_experts_per_tok", 4));
    o.experts.inner = o.inner;
    weft_TRY(check_experts(c, o.experts, o.layers, count_key, "num_experts_per_tok"));
    weft_ASSIGN(o.limit, c.number_or("swiglu_limit", 7));
    if (!(o.limit > 0)) return c.bad("swiglu_limit", "must be positive");
    weft_ASSIGN(const double alpha, c.number_or("swiglu_alpha", 1.702));
    if (alpha != 1.702)
        return Error{ErrorCode::unsupported,
                     c.origin() + ": key 'swiglu_alpha' must be 1.702, other values are not supported",
                     {}};
    weft_ASSIGN(const uint32_t window, count_or_none(c, "sliding_window", 128));
    std::vector<bool> slides;
    for (uint32_t i = 0; i < o.layers; ++i) slides.push_back(i % 2 == 0);
    weft_ASSIGN(o.windows, layer_windows(c, window, slides));
    return o;
}

// Gate rows, then up rows, of every expert. Directories have them in turn: in MXFP4 [E, 2I, D],
// else [E, D, 2I]; GGUF has a tensor each.
void experts_in(Builder& builder, MoeSpec& m, const std::string& at, uint32_t width) {
    const uint32_t count = m.experts, inner = m.inner, both = 2 * inner;
    if (builder.gguf()) {
        m.gate_up =
            builder.experts(at + "gate_up_proj", count,
                            {{at + "{e}.gate_proj.weight", inner}, {at + "{e}.up_proj.weight", inner}}, "", width);
        m.down = builder.experts(at + "down_proj", count, {{at + "{e}.down_proj.weight", width}}, "", inner);
        const auto half = [&](const char* part, uint32_t first) {
            return WeightPiece{
                builder.names(at + part), {count, inner, 1}, {}, rows_of_groups(count, both, first, inner)};
        };
        m.gate_up_bias = builder.add({at + "gate_up_proj_bias",
                                      {count, both},
                                      false,
                                      {half("gate_proj.bias", 0), half("up_proj.bias", inner)},
                                      {},
                                      {}});
        m.down_bias = builder.vector(at + "down_proj.bias", {count, width});
        return;
    }
    const auto matrix = [&](const std::string& name, uint32_t rows, uint32_t columns, const RowView& taken) {
        const TensorView* view = builder.find(name);
        const bool packed = view && view->scales;
        const std::vector<uint64_t> shape =
            packed ? std::vector<uint64_t>{count, rows, columns} : std::vector<uint64_t>{count, columns, rows};
        return builder.add({name,
                            {count, rows, columns},
                            true,
                            {{.names = builder.names(name),
                              .file_shape = shape,
                              .rows = taken,
                              .order = packed ? std::vector<uint64_t>() : kTransposed}},
                            {},
                            {}});
    };
    const RowView gate_then_up = even_then_odd(count, both, both);
    m.gate_up = matrix(at + "gate_up_proj", both, width, gate_then_up);
    m.down = matrix(at + "down_proj", width, inner, {});
    m.gate_up_bias = builder.add({at + "gate_up_proj_bias",
                                  {count, both},
                                  false,
                                  {{builder.names(at + "gate_up_proj_bias"), {count, both, 1}, gate_then_up}},
                                  {},
                                  {}});
    m.down_bias = builder.vector(at + "down_proj_bias", {count, width});
}

MoeSpec experts(Builder& builder, const std::string& at, const Config& c) {
    MoeSpec m;
    m.experts = c.experts.count;
    m.chosen = c.experts.chosen;
    m.inner = c.experts.inner;
    m.score = kernel::RouterScore::logit;
    m.weight = kernel::RouterWeight::softmax_of_chosen;
    m.activation = kernel::Activation::quick_gelu; // x sigmoid(1.702 x)
    m.limit = float(c.limit);
    m.up_offset = 1;
    m.router = {builder.matrix(at + "router.weight", m.experts, c.width),
                builder.vector(at + "router.bias", {m.experts}), c.width, m.experts};
    experts_in(builder, m, at + "experts.", c.width);
    return m;
}

// Where the config says nothing of the rotation, the class's own is meant.
Json with_rope(const JsonObject& config) {
    Json all = config.json();
    const auto given = [&](const char* key) { return config.has(key) && !(all[key].is_object() && all[key].empty()); };
    if (!given("rope_parameters") && !given("rope_scaling"))
        all["rope_parameters"] = {{"rope_type", "yarn"}, {"factor", 32},
                                  {"beta_fast", 32},     {"beta_slow", 1},
                                  {"truncate", false},   {"original_max_position_embeddings", 4096}};
    return all;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    const Json complete = with_rope(config);
    weft_ASSIGN(const Rope rope, whole_head_rope(config.changed(complete), builder, c.heads.head_size, 150000, 131072));
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i), attn = at + "self_attn.";
        AttentionSpec a = usual_attention(builder, attn, c.heads, c.width, c.attention_bias);
        if (c.attention_bias) a.out.bias = builder.vector(attn + "o_proj.bias", {c.width});
        a.sinks = builder.vector(attn + "sinks", {c.heads.heads});
        a.rope = rope;
        a.window = c.windows[i];
        decoder_of(s).layers.push_back(
            pre_norm_layer(builder, at, c.width, c.eps, a, experts(builder, at + "mlp.", c)));
    }
    return s;
}

Status complete(const ModelFiles& files, Json& config) {
    weft_TRY(gguf_windows(files, config, 2));
    weft_TRY(gguf_one_rope(files, config));
    gguf_rename(config, "num_experts", "num_local_experts");
    gguf_rename(config, "moe_intermediate_size", "intermediate_size");
    return Ok{};
}

const std::vector<GgufName> kGgufNames = {{"post_attention_layernorm", "post_attention_norm"},
                                          {"self_attn.sinks", "attn_sinks.weight"}};

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"gpt_oss"},
    "gpt-oss",
    "attention sinks, windows in every other layer, experts with biases and a clamped SwiGLU, MXFP4",
    schedule,
    {{"gpt-oss", "gpt_oss", {{"attention.sliding_window", "sliding_window"}}, complete, kGgufNames}},
    {},
    {{"*.feed_forward_length", "experts have a width of their own"}}};

} // namespace weft::detail::gpt_oss
