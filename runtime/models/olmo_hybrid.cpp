// SPDX-License-Identifier: Apache-2.0
// L5: OLMo hybrid (Allen AI 2025): pre-norm layers of Gated DeltaNet whose transition may have negative eigenvalues,
// every fourth one OLMo's post-norm attention.
#include "models/decoder_parts.hpp"
#include "models/mixer_parts.hpp"

namespace weft::detail::olmo_hybrid {
namespace {

constexpr double kDeltaNormEps = 1e-5; // of the norm behind the delta rule, whatever the config says of the others

struct Config : DecoderSizes {
    bool rotates, negative_eigenvalues;
    DeltaSizes delta;
    std::vector<bool> attends;
};

// Positions are left out where the config has a rope_theta and it is null.
bool read_rotates(const JsonObject& c) {
    const auto null_in = [](const Json& o) {
        return o.is_object() && o.contains("rope_theta") && o["rope_theta"].is_null();
    };
    for (const char* key : {"rope_scaling", "rope_parameters"})
        if (c.has(key)) {
            const Json& parameters = c.json()[key];
            if (parameters.is_object() && parameters.contains("rope_theta")) return !null_in(parameters);
        }
    return !null_in(c.json());
}

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<DecoderSizes&>(o), read_decoder(c, {.inner = 11008, .reads_bias = true}));
    o.rotates = read_rotates(c);
    // Sizes follow from each other: as many heads as attention has, keys three quarters of
    // the width, values twice the keys.
    weft_ASSIGN(const uint32_t key_heads, c.count_or("linear_num_key_heads", o.heads.heads));
    weft_ASSIGN(const uint32_t key_size, c.count_or("linear_key_head_dim", uint32_t(0.75 * o.width / key_heads)));
    weft_ASSIGN(o.delta, read_delta(c, {.key_heads = key_heads,
                                        .value_heads = o.heads.heads,
                                        .key_size = key_size,
                                        .value_size = uint32_t(2 * uint64_t(key_size)),
                                        .taps = 4}));
    weft_ASSIGN(o.negative_eigenvalues, c.boolean_or("linear_allow_neg_eigval", true));
    weft_ASSIGN(const auto given, layers_of_kind(c, "layer_types", o.layers, "full_attention", "linear_attention"));
    for (uint32_t i = 0; i < o.layers; ++i)
        o.attends.push_back(given ? (*given)[i] : i % 4 == 3 || (o.layers < 4 && i + 1 == o.layers));
    return o;
}

/// The convolution over q | k | v. Files hold one tensor for all channels or one for each of the three;
/// transformers 5 writes three of equal height, whatever the widths are.
WeightId convolution(Builder& builder, const std::string& at, const DeltaSizes& d) {
    const auto three = [&](uint32_t q, uint32_t k, uint32_t v) {
        return std::vector<Builder::Part>{
            {at + "q_conv1d.weight", q}, {at + "k_conv1d.weight", k}, {at + "v_conv1d.weight", v}};
    };
    const uint32_t third = (d.mixed() + 2) / 3;
    std::vector<std::vector<Builder::Part>> others{{{at + "conv1d.weight", d.mixed()}}};
    if (d.mixed() > 2 * third) others.push_back(three(third, third, d.mixed() - 2 * third));
    return builder.stacked(at + "conv1d", three(d.keys(), d.keys(), d.values()), d.taps, false, others);
}

GatedDeltaSpec gated_delta(Builder& builder, const std::string& at, const Config& c) {
    const DeltaSizes& d = c.delta;
    GatedDeltaSpec g = usual_delta(builder, at, d);
    g.in = builder.stacked_linear(at + "in",
                                  {{at + "q_proj", d.keys()},
                                   {at + "k_proj", d.keys()},
                                   {at + "v_proj", d.values()},
                                   {at + "g_proj", d.values()},
                                   {at + "b_proj", d.value_heads},
                                   {at + "a_proj", d.value_heads}},
                                  c.width);
    g.conv.weight = convolution(builder, at, d);
    g.beta_scale = c.negative_eigenvalues ? 2 : 1;
    g.norm = builder.rms(at + "o_norm.weight", d.value_size, kDeltaNormEps);
    g.out = builder.linear(at + "o_proj", c.width, d.values());
    return g;
}

AttentionSpec attention(Builder& builder, const std::string& at, const Config& c, const Rope& rope) {
    AttentionSpec a = usual_attention(builder, at, c.heads, c.width, c.attention_bias, c.attention_bias);
    a.q_norm = builder.rms(at + "q_norm.weight", c.heads.q_rows(), c.eps);
    a.k_norm = builder.rms(at + "k_norm.weight", c.heads.kv_rows(), c.eps);
    a.norm_all_heads = true;
    a.rope = rope;
    return a;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    Schedule s;
    Builder builder(s, files, {"model.", ""});
    weft_TRY(decoder_frame(config, builder, s, c.eps, false));
    Rope rope;
    if (c.rotates) {
        weft_ASSIGN(rope, whole_head_rope(config, builder, c.heads.head_size, 10000, 65536));
    }
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = layer_name(i);
        // Files use the words of OLMo's own code or those of transformers for one and the same norm.
        const std::string first = at + "attention_layer_norm.weight|" + at + "input_layernorm.weight",
                          second = at + "feedforward_layer_norm.weight|" + at + "post_attention_layernorm.weight";
        const MlpSpec mlp = usual_mlp(builder, at + "mlp.", c.width, c.inner, c.activation);
        Layer layer;
        if (c.attends[i]) {
            layer.blocks.push_back({.branches = {{attention(builder, at + "self_attn.", c, rope)}},
                                    .post = builder.rms(second, c.width, c.eps)});
            layer.blocks.push_back(
                {.branches = {{mlp}}, .post = builder.rms(at + "post_feedforward_layernorm.weight", c.width, c.eps)});
        } else {
            layer.blocks.push_back({.pre = builder.rms(first, c.width, c.eps),
                                    .branches = {{gated_delta(builder, at + "linear_attn.", c)}}});
            layer.blocks.push_back({.pre = builder.rms(second, c.width, c.eps), .branches = {{mlp}}});
        }
        decoder_of(s).layers.push_back(std::move(layer));
    }
    return s;
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"olmo_hybrid"},
    "OLMo hybrid",
    "Gated DeltaNet with negative eigenvalues, post-norm attention with norms over all heads",
    schedule,
    {},
    {},
    {{"linear_a_log_*", "training"}, {"linear_dt_*", "training"}}};

} // namespace weft::detail::olmo_hybrid
