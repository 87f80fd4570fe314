// SPDX-License-Identifier: Apache-2.0
// L5: HGRN2 (Qin et al. 2024), as flash-linear-attention's class writes it: linear attention whose keys are what its
// channels forget, of which later layers keep at least a learned part.
#include "models/fla_parts.hpp"
#include <cmath>

namespace weft::detail::hgrn2 {
namespace {

constexpr double kNormEps = 1e-5; // of the norm behind the recurrence, whatever the config says of the others

struct Config : FlaSizes {
    uint32_t heads, key_size, value_size, taps;
    bool bounded;
};

Result<Config> read(const JsonObject& c) {
    Config o{};
    weft_ASSIGN(static_cast<FlaSizes&>(o), read_fla(c, 4));
    weft_ASSIGN(o.key_size, count_or_none(c, "expand_ratio", 128));
    if (o.key_size) {
        o.heads = o.width / o.key_size;
        if (o.heads == 0 || o.width % o.heads)
            return c.bad(c.has("expand_ratio") ? "expand_ratio" : "hidden_size",
                         "must make heads that share the width");
    } else {
        weft_ASSIGN(o.heads, c.count("num_heads"));
        if (o.width % o.heads) return c.bad("num_heads", "must divide hidden_size");
        o.key_size = o.width / o.heads;
    }
    o.value_size = o.width / o.heads;
    weft_ASSIGN(o.taps, read_fla_taps(c, false));
    weft_ASSIGN(o.bounded, c.boolean_or("use_lower_bound", true));
    if (o.bounded && o.heads * o.key_size != o.width)
        return c.bad(c.has("expand_ratio") ? "expand_ratio" : "hidden_size",
                     "must make heads as wide as the model where there are lower bounds");
    return o;
}

LinearAttentionSpec attention(Builder& builder, const std::string& at, const Config& c, uint32_t i) {
    LinearAttentionSpec a;
    a.heads = c.heads;
    a.key_size = c.key_size;
    a.value_size = c.value_size;
    a.scale = float(1 / std::sqrt(double(c.key_size)));
    const uint32_t keys = c.heads * c.key_size;
    const auto parts = [&](const std::string& suffix) {
        return std::vector<Builder::Part>{
            {at + "q" + suffix, keys}, {at + "f" + suffix, keys}, {at + "i" + suffix, c.width}};
    };
    a.qkv = builder.stacked_linear(at + "qfi", parts("_proj"), c.width);
    if (c.taps)
        a.conv = {builder.stacked(at + "conv1d", parts("_conv1d.weight"), c.taps, false), kNoWeight, 2 * keys + c.width,
                  c.taps, kernel::Activation::none};
    a.feature = kernel::Activation::silu;
    a.forget.keys = true;
    if (c.bounded && i > 0) // the first layer may forget all
        a.forget.lower_bound = builder.add({at + "lower_bound",
                                            {keys},
                                            false,
                                            {{.names = builder.names("lower_bounds"),
                                              .file_shape = {c.layers, keys},
                                              .rows = {i, {{1, 1}}},
                                              .transform = WeightTransform::share_so_far}},
                                            {},
                                            {}});
    a.out = builder.linear(at + "o_proj", c.width, c.width);
    return a;
}

Result<Schedule> schedule(const JsonObject& config, const ModelFiles& files) {
    weft_ASSIGN(const Config c, read(config));
    return fla_decoder(config, files, c, [&](Builder& builder, const std::string& at, uint32_t i, Op& op) -> Status {
        LinearAttentionSpec a = attention(builder, at, c, i);
        weft_ASSIGN(a.norm, fla_norm(config, builder, at + "g_norm.weight", c.width, kNormEps));
        op = a;
        return Ok{};
    });
}

} // namespace

extern const Architecture architecture;
const Architecture architecture{
    {"hgrn2"},
    "HGRN2",
    "linear attention whose keys are what a channel forgets, with learned lower bounds of layers",
    schedule,
    {},
    {},
    fla_keys_not_read({{"num_heads", "expand_ratio says the same"}, {"conv_size", "there are no convolutions"}}),
    {{"*lower_bounds", "a lone layer has no lower bound"}}};

} // namespace weft::detail::hgrn2
