// SPDX-License-Identifier: Apache-2.0
#include "models/mixer_parts.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {
namespace {

constexpr uint64_t kLargest = (uint64_t(1) << 31) - 1;

// Rows and columns are 31-bit; `key` is named where a product of sizes is larger.
Result<uint32_t> fitting(const JsonObject& config, const std::string& key, uint64_t size) {
    if (size < 1 || size > kLargest)
        return config.bad(key, "makes a matrix of " + std::to_string(size) + " rows; weft takes 1 to 2^31 - 1");
    return uint32_t(size);
}

// "auto" where a number may stand.
bool is_auto(const JsonObject& config, const std::string& key) {
    const auto word = config.string_or(key, "auto");
    return word && *word == "auto";
}

// GGUF has [heads, 1].
WeightId per_head(Builder& builder, const std::string& name, uint32_t heads, WeightTransform transform) {
    const std::vector<uint64_t> shape = builder.gguf() ? std::vector<uint64_t>{heads, 1} : std::vector<uint64_t>{heads};
    return builder.add({name, {heads}, false, {{builder.names(name), shape, {}, {}, transform}}, {}, {}});
}

Conv convolution(Builder& builder, const std::string& at, uint32_t channels, uint32_t taps, bool bias,
                 kernel::Activation activation) {
    return {builder.vector(at + ".weight", {channels, taps}),
            builder.optional(at + ".bias", bias) ? builder.vector(at + ".bias", {channels}) : kNoWeight, channels, taps,
            activation};
}

template <class Spec>
uint32_t taps_of(const Spec& m) {
    return m.conv.taps;
}
bool normed_without_weights(const MambaSpec& m) { return m.dt_norm && m.dt_norm.weight == kNoWeight; }
uint32_t inner_of(const Mamba2Spec& m) { return m.heads * m.head_size; }
uint32_t values_of(const GatedDeltaSpec& g) { return g.value_heads * g.value_size; }

} // namespace

std::vector<GgufKey> mamba1_gguf(const Mamba1Keys& keys, const char* inner_norms) {
    return {{"ssm.conv_kernel", keys.taps, said_of<MambaSpec, taps_of<MambaSpec>>},
            {"ssm.state_size", keys.state_size, said<&MambaSpec::state_size>},
            {"ssm.time_step_rank", keys.rank, said<&MambaSpec::rank>},
            {"ssm.inner_size", nullptr, said<&MambaSpec::inner>},
            {"ssm.dt_b_c_rms", inner_norms, said_of<MambaSpec, normed_without_weights>, false}};
}

std::vector<GgufKey> mamba2_gguf(const Mamba2Keys& keys, const char* inner) {
    return {{"ssm.conv_kernel", keys.taps.name, said_of<Mamba2Spec, taps_of<Mamba2Spec>>},
            {"ssm.state_size", keys.state_size.name, said<&Mamba2Spec::state_size>},
            {"ssm.time_step_rank", keys.heads.name, said<&Mamba2Spec::heads>},
            {"ssm.group_count", keys.groups.name, said<&Mamba2Spec::groups>},
            {"ssm.inner_size", inner, said_of<Mamba2Spec, inner_of>}};
}

std::vector<GgufKey> delta_gguf(const char* values) {
    return {{"ssm.conv_kernel", "linear_conv_kernel_dim", said_of<GatedDeltaSpec, taps_of<GatedDeltaSpec>>},
            {"ssm.state_size", "linear_key_head_dim", said<&GatedDeltaSpec::key_size>},
            {"ssm.group_count", "linear_num_key_heads", said<&GatedDeltaSpec::key_heads>},
            {"ssm.time_step_rank", "linear_num_value_heads", said<&GatedDeltaSpec::value_heads>},
            {"ssm.inner_size", values, said_of<GatedDeltaSpec, values_of>}};
}

Result<Mamba1Sizes> read_mamba1(const JsonObject& config, uint32_t width, const Mamba1Keys& keys) {
    Mamba1Sizes s;
    const bool given = keys.inner && config.has(keys.inner);
    weft_ASSIGN(const uint32_t factor, given ? config.count(keys.inner) : config.count_or(keys.expand, 2));
    weft_ASSIGN(s.inner, fitting(config, given ? keys.inner : keys.expand, 2 * uint64_t(factor) * (given ? 1 : width)));
    s.inner /= 2;
    weft_ASSIGN(s.state_size, config.count_or(keys.state_size, 16));
    if (is_auto(config, keys.rank)) s.rank = (width + 15) / 16;
    else {
        weft_ASSIGN(s.rank, config.count(keys.rank));
    }
    weft_TRY(fitting(config, s.rank > s.state_size ? keys.rank : keys.state_size,
                     uint64_t(s.rank) + 2 * uint64_t(s.state_size)));
    weft_TRY(fitting(config, keys.state_size, (uint64_t(s.state_size) + 2) * s.inner));
    weft_ASSIGN(s.taps, config.count_or(keys.taps, 4));
    weft_ASSIGN(s.bias, config.boolean_or(keys.bias, false));
    weft_ASSIGN(s.conv_bias, config.boolean_or(keys.conv_bias, true));
    weft_ASSIGN(s.activation, activation_of(config, "hidden_act", "silu"));
    return s;
}

WeightId scan_parameters(Builder& builder, const std::string& slot, const Mamba1Sizes& s, const ScanNames& names) {
    WeightSlot parameters{slot, {s.inner * (s.state_size + 2)}, false, {}, {}, {}};
    const uint64_t all = uint64_t(names.parts) * s.inner;
    // An element of a vector is a row.
    const auto add = [&](const std::string& name, const std::vector<uint64_t>& shape, uint64_t rows) -> WeightPiece& {
        WeightPiece piece{.names = builder.names(name), .file_shape = shape};
        if (names.parts > 1) piece.rows = {names.part * rows, {{rows, 1}}};
        parameters.pieces.push_back(std::move(piece));
        return parameters.pieces.back();
    };
    add(names.a_log, {all, s.state_size}, s.inner).transform = builder.decay();
    add(names.d, {all}, s.inner);
    const bool several = names.parts > 1; // then [parts, inner]
    add(names.dt_bias, several ? std::vector<uint64_t>{names.parts, s.inner} : std::vector<uint64_t>{all},
        several ? 1 : s.inner)
        .rescale.factor = names.dt_bias_factor;
    return builder.add(std::move(parameters));
}

MambaSpec usual_mamba1(Builder& builder, const std::string& at, uint32_t width, const Mamba1Sizes& s) {
    MambaSpec m;
    m.inner = s.inner;
    m.state_size = s.state_size;
    m.rank = s.rank;
    m.in = builder.linear(at + "in_proj", 2 * s.inner, width, s.bias);
    m.conv = convolution(builder, at + "conv1d", s.inner, s.taps, s.conv_bias, s.activation);
    m.x = builder.linear(at + "x_proj", s.rank + 2 * s.state_size, s.inner);
    m.dt = builder.linear(at + "dt_proj", s.inner, s.rank);
    m.parameters = scan_parameters(builder, at + "A, D, dt bias", s, {at + "A_log", at + "D", at + "dt_proj.bias"});
    m.out = builder.linear(at + "out_proj", width, s.inner, s.bias);
    return m;
}

Result<Mamba2Sizes> read_mamba2(const JsonObject& config, uint64_t inner, const Mamba2Keys& keys) {
    Mamba2Sizes s;
    weft_TRY(fitting(config, "hidden_size", inner));
    weft_ASSIGN(s.heads, config.count_or(keys.heads.name, keys.heads.otherwise));
    s.head_size = keys.head_size.otherwise;
    if (!is_auto(config, keys.head_size.name)) {
        weft_ASSIGN(s.head_size, config.count(keys.head_size.name));
    } else if (!s.head_size) s.head_size = uint32_t(std::min(inner / s.heads, kLargest));
    if (uint64_t(s.heads) * s.head_size != inner)
        return config.bad(config.has(keys.heads.name) ? keys.heads.name : keys.head_size.name,
                          "and '" + std::string(config.has(keys.heads.name) ? keys.head_size.name : keys.heads.name) +
                              "' must make the inner width of " + std::to_string(inner) + " channels");
    weft_ASSIGN(s.groups, config.count_or(keys.groups.name, keys.groups.otherwise));
    if (s.heads % s.groups)
        return config.bad(keys.groups.name, "must divide the " + std::to_string(s.heads) + " heads");
    weft_ASSIGN(s.state_size, config.count_or(keys.state_size.name, keys.state_size.otherwise));
    weft_TRY(fitting(config, keys.state_size.name, 2 * inner + 2 * uint64_t(s.groups) * s.state_size + s.heads));
    weft_ASSIGN(s.taps, config.count_or(keys.taps.name, keys.taps.otherwise));
    weft_ASSIGN(s.bias, config.boolean_or(keys.bias, false));
    s.out_bias = s.bias;
    weft_ASSIGN(s.conv_bias, config.boolean_or(keys.conv_bias, true));
    weft_ASSIGN(s.activation, activation_of(config, keys.activation, "silu"));
    return s;
}

Status read_time_step_limit(const JsonObject& config, Mamba2Sizes& s) {
    if (!config.has("time_step_limit")) return Ok{};
    weft_ASSIGN(const auto limits, config.numbers("time_step_limit"));
    if (limits.size() != 2 || !(limits[0] >= 0) || !(limits[1] >= limits[0]))
        return config.bad("time_step_limit",
                          "must be two numbers, the least and the largest time step, neither negative");
    s.dt_min = limits[0];
    s.dt_max = std::min(limits[1], s.dt_max);
    return Ok{};
}

Mamba2Spec usual_mamba2(Builder& builder, const std::string& at, uint32_t width, const Mamba2Sizes& s,
                        std::optional<double> norm_eps) {
    Mamba2Spec m;
    m.heads = s.heads;
    m.head_size = s.head_size;
    m.state_size = s.state_size;
    m.groups = s.groups;
    m.in = builder.linear(at + "in_proj", s.rows(), width, s.bias);
    m.conv = convolution(builder, at + "conv1d", s.conv_channels(), s.taps, s.conv_bias, s.activation);
    m.dt_bias = builder.vector(at + "dt_bias", {s.heads});
    m.a = per_head(builder, at + "A_log", s.heads, builder.decay());
    m.d = per_head(builder, at + "D", s.heads, WeightTransform::none);
    m.dt_min = float(s.dt_min);
    m.dt_max = float(s.dt_max);
    if (norm_eps) { // GGUF has a row for each group
        m.norm = {.present = true, .eps = float(*norm_eps)};
        const std::vector<uint64_t> shape =
            builder.gguf() ? std::vector<uint64_t>{s.groups, s.inner() / s.groups} : std::vector<uint64_t>{s.inner()};
        m.norm.weight =
            builder.add({at + "norm.weight", {s.inner()}, false, {{builder.names(at + "norm.weight"), shape}}, {}, {}});
    }
    m.norm_groups = s.groups;
    m.out = builder.linear(at + "out_proj", width, s.inner(), s.out_bias);
    return m;
}

Result<DeltaSizes> read_delta(const JsonObject& config, const DeltaSizes& otherwise) {
    DeltaSizes s;
    weft_ASSIGN(s.key_heads, config.count_or("linear_num_key_heads", otherwise.key_heads));
    weft_ASSIGN(s.value_heads, config.count_or("linear_num_value_heads", otherwise.value_heads));
    if (s.value_heads % s.key_heads)
        return config.bad("linear_num_key_heads", "must divide the " + std::to_string(s.value_heads) + " value heads");
    weft_ASSIGN(s.key_size, config.count_or("linear_key_head_dim", otherwise.key_size));
    weft_ASSIGN(s.value_size, config.count_or("linear_value_head_dim", otherwise.value_size));
    weft_ASSIGN(s.taps, config.count_or("linear_conv_kernel_dim", otherwise.taps));
    const uint64_t keys = uint64_t(s.key_heads) * s.key_size, values = uint64_t(s.value_heads) * s.value_size;
    weft_TRY(fitting(config, s.key_size > s.key_heads ? "linear_key_head_dim" : "linear_num_key_heads", keys));
    weft_TRY(
        fitting(config, s.value_size > s.value_heads ? "linear_value_head_dim" : "linear_num_value_heads", values));
    weft_TRY(fitting(config, "linear_num_value_heads", 2 * keys + 2 * values + 2 * uint64_t(s.value_heads)));
    weft_ASSIGN(s.activation, activation_of(config, "hidden_act", "silu"));
    return s;
}

GatedDeltaSpec usual_delta(Builder& builder, const std::string& at, const DeltaSizes& s, const RowView& heads) {
    const auto vector = [&](const std::string& name, WeightTransform transform) {
        return builder.add(
            {name, {s.value_heads}, false, {{builder.names(name), {s.value_heads}, heads, {}, transform}}, {}, {}});
    };
    GatedDeltaSpec g;
    g.key_heads = s.key_heads;
    g.value_heads = s.value_heads;
    g.key_size = s.key_size;
    g.value_size = s.value_size;
    g.conv = {kNoWeight, kNoWeight, s.mixed(), s.taps, s.activation};
    g.dt_bias = vector(at + "dt_bias", WeightTransform::none);
    g.a = vector(at + "A_log", builder.decay());
    return g;
}

Result<std::optional<std::vector<bool>>> layers_of_kind(const JsonObject& config, const std::string& key,
                                                        uint32_t layers, const std::string& kind,
                                                        const std::string& other) {
    using Found = std::optional<std::vector<bool>>;
    if (!config.has(key)) return Found();
    weft_ASSIGN(auto words, config.strings(key));
    if (words.size() != layers)
        return config.bad(key,
                          "has " + std::to_string(words.size()) + " entries for " + std::to_string(layers) + " layers");
    std::vector<bool> found;
    for (std::string& word : words) {
        if (word == "mamba") word = "linear_attention";
        else if (word == "attention") word = "full_attention";
        if (word != kind && word != other)
            return config.bad(key, "holds '" + word + "'; this architecture has '" + kind + "' and '" + other + "'");
        found.push_back(word == kind);
    }
    return Found(std::move(found));
}

Result<std::optional<std::vector<bool>>> layers_listed(const JsonObject& config, const std::string& key,
                                                       uint32_t layers) {
    if (!config.has(key)) return std::optional<std::vector<bool>>();
    weft_ASSIGN(const auto numbers, config.numbers(key));
    std::vector<bool> listed(layers, false);
    for (const double i : numbers) {
        if (!(i >= 0) || i != std::floor(i)) return config.bad(key, "must hold layer numbers from 0");
        if (i < layers) listed[size_t(i)] = true;
    }
    return std::optional(std::move(listed));
}

} // namespace weft::detail
