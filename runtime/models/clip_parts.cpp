// SPDX-License-Identifier: Apache-2.0
#include "models/clip_parts.hpp"
#include "layers/identity.hpp"
#include <algorithm>

namespace weft::detail {

Result<ClipConfig> read_clip(const JsonObject& c, const ClipDefaults& d) {
    ClipConfig o;
    weft_ASSIGN(o.layers, c.has("num_hidden_layers") ? layer_count(c) : Result<uint32_t>(12));
    weft_ASSIGN(o.width, c.count_or("hidden_size", d.width));
    weft_ASSIGN(o.inner, c.count_or("intermediate_size", d.inner));
    weft_ASSIGN(const uint32_t heads, c.count_or("num_attention_heads", d.heads));
    if (o.width % heads) return c.bad("num_attention_heads", "must divide hidden_size");
    o.heads = {heads, heads, o.width / heads};
    weft_TRY(check_heads(c, o.heads, "num_attention_heads", "num_attention_heads"));
    weft_ASSIGN(o.eps, epsilon_or(c, "layer_norm_eps", d.eps));
    weft_ASSIGN(o.activation, activation_of(c, "hidden_act", d.activation));
    return o;
}

Result<bool> has_projection(const JsonObject& config, const Builder& builder, const ModelFiles& files,
                            const std::string& tensor) {
    if (!files.tensors().empty()) return builder.has(tensor);
    weft_ASSIGN(const auto classes, classes_of(config));
    return std::ranges::any_of(classes, [](const std::string& name) { return name.ends_with("WithProjection"); });
}

void add_projection(Schedule& s, const std::string& name, const Linear& product) {
    Stage& pooler = s.stages.back();
    pooler.streams.push_back({name, product.out});
    const auto stream = StreamId(pooler.streams.size());
    pooler.first.push_back({.branches = {{LinearSpec{product}}}, .write = stream, .base = Base::none});
    s.outputs.push_back({name, StageId(s.stages.size()) - 1, stream});
}

void normalise_output(Schedule& s, const std::string& output, const std::string& name) {
    Output& o = s.outputs[output_of(s, output)];
    Stage& stage = s.stages[o.stage];
    stage.streams.push_back({name + ", normed", stage.width_of(o.stream)});
    const auto stream = StreamId(stage.streams.size());
    stage.last.push_back({.read = {o.stream},
                          .pre = {true, kernel::NormKind::l2, kNoWeight, kNoWeight, 1e-24f},
                          .branches = {{IdentitySpec{}}},
                          .write = stream,
                          .base = Base::none});
    o = {name, o.stage, stream};
}

std::vector<Layer> clip_layers(Builder& builder, const ClipConfig& c, bool causal) {
    std::vector<Layer> layers;
    for (uint32_t i = 0; i < c.layers; ++i) {
        const std::string at = "encoder.layers." + std::to_string(i) + ".", self = at + "self_attn.";
        AttentionSpec a = c.heads.attention();
        a.causal = causal;
        a.qkv = builder.stacked_linear(
            self + "qkv", {{self + "q_proj", c.width}, {self + "k_proj", c.width}, {self + "v_proj", c.width}}, c.width,
            true);
        a.out = builder.linear(self + "out_proj", c.width, c.width, true);
        const MlpSpec m = plain_mlp(builder, at + "mlp.fc1", at + "mlp.fc2", c.width, c.inner, c.activation);
        layers.push_back({{{.pre = builder.layer_norm(at + "layer_norm1", c.width, c.eps), .branches = {{a}}},
                           {.pre = builder.layer_norm(at + "layer_norm2", c.width, c.eps), .branches = {{m}}}}});
    }
    return layers;
}

} // namespace weft::detail
