// SPDX-License-Identifier: Apache-2.0
// L5: GLA (Yang et al. 2023, Gated linear attention transformers), as flash-linear-attention's class writes it: linear
// attention whose key channels decay as the token says.
#include "models/fla_parts.hpp"

namespace weft::detail::gla {
namespace {

constexpr uint32_t kRank = 16;           // of what the decays follow from; a file may have another
constexpr float kDecayScale = 1 / 16.0f; // on their logarithms

struct Config : FlaSizes {
    FlaHeads heads;
    uint32_t taps;
    double least; // logarithm of a decay; 0: none
    kernel::Activation feature = kernel::Activation::none;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<FlaSizes&>(o), read_fla(c, 4));
    weft_ASSIGN(o.heads, read_fla_heads(c, o.width, 4, 0.5, 1));
    weft_ASSIGN(o.taps, read_fla_taps(c, false));
    weft_ASSIGN(o.least, number_or_none(c, "clamp_min", 0));
    if (c.has("clamp_min") && !(o.least < 0)) return c.bad("clamp_min", "must be below 0");
    if (c.has("feature_map")) {
        weft_ASSIGN(o.feature, activation_of(c, "feature_map", ""));
    }
    return o;
}

ForgetGate forget(Builder& builder, const std::string& at, const Config& c) {
    const FlaHeads& h = c.heads;
    const std::string down = at + "gk_proj.0", up = at + "gk_proj.1";
    uint32_t rank = kRank;
    if (const TensorView* t = builder.find(down + ".weight"); t && t->shape.size() == 2 && t->shape[0] <= c.width)
        rank = uint32_t(t->shape[0]);
    ForgetGate g;
    g.of.down = builder.linear(down, rank, c.width);
    g.of.up = builder.stacked_linear(up, fla_shared(h, up, h.key_size), rank, true);
    g.scale = kDecayScale;
    g.least = float(c.least);
    return g;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    return fla_decoder(config, files, c, [&](Builder& builder, const std::string& at, uint32_t, Op& op) -> Status {
        LinearAttentionSpec a = fla_attention(builder, at, c.heads, c.width);
        if (c.taps) a.conv = fla_conv(builder, at, c.heads, c.taps);
        a.feature = c.feature;
        a.forget = forget(builder, at, c);
        weft_TRY(add_fla_gate(config, builder, at, c, a));
        op = a;
        return Ok{};
    });
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{{"gla"},
                                "GLA",
                                "linear attention with a decay of each key channel and token, gated norm of each head",
                                schedule,
                                {},
                                {},
                                fla_keys_not_read({{"use_gk", "the class always has decays of key channels"},
                                                   {"use_gv", "the class has no decays of value channels"},
                                                   {"conv_size", "there are no convolutions"}})};

} // namespace weft::detail::gla
