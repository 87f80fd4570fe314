// SPDX-License-Identifier: Apache-2.0
// L5: RetNet (Sun et al. 2023, Retentive network), as flash-linear-attention's class writes it: linear attention with
// rotary positions and a fixed decay of each head.
#include "models/fla_parts.hpp"
#include <cmath>

namespace weft::detail::retnet {
namespace {

struct Config : FlaSizes {
    FlaHeads heads;
    kernel::Activation feature = kernel::Activation::none;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<FlaSizes&>(o), read_fla(c, 2));
    weft_ASSIGN(o.heads, read_fla_heads(c, o.width, 8, 1, 2));
    if (c.has("feature_map")) {
        weft_ASSIGN(o.feature, activation_of(c, "feature_map", ""));
    }
    return o;
}

// Logarithms of 1 - 2^(-5 - h).
std::vector<float> decays(uint32_t heads) {
    std::vector<float> list;
    for (uint32_t h = 0; h < heads; ++h) list.push_back(float(std::log1p(-std::exp2(-5.0 - h))));
    return list;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    return fla_decoder(config, files, c, [&](Builder& builder, const std::string& at, uint32_t, Op& op) -> Status {
        LinearAttentionSpec a = fla_attention(builder, at, c.heads, c.width);
        a.feature = c.feature;
        weft_ASSIGN(a.rope, whole_head_rope(config, builder, c.heads.key_size, 10000, 2048));
        a.decay = builder.computed(at + "decay", {a.heads}, decays(a.heads));
        weft_TRY(add_fla_gate(config, builder, at, c, a));
        op = a;
        return Ok{};
    });
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"retnet"},
    "RetNet",
    "linear attention with rotary positions and a fixed decay of each head, gated norm of each head",
    schedule,
    {},
    {},
    fla_keys_not_read(
        {{"use_short_conv", "the class has no convolutions"}, {"conv_size", "the class has no convolutions"}})};

} // namespace weft::detail::retnet
