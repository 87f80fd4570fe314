// SPDX-License-Identifier: Apache-2.0
// L5: rotary frequencies from a config, in double precision: the types of transformers' modeling_rope_utils and of the papers they name.
#include "models/architecture.hpp"
#include <cmath>
#include <numbers>

namespace weft {
namespace {

struct Scaling {
    std::string type = "default";
    const JsonObject* values = nullptr; ///< where its numbers are
};

std::vector<float> plain(double theta, uint32_t rotary) {
    std::vector<float> f;
    for (uint32_t i = 0; i < rotary / 2; ++i) f.push_back(float(std::pow(theta, -2.0 * i / rotary)));
    return f;
}

// Peng et al. 2023, YaRN: interpolated where a wavelength is longer than the original context, untouched where much shorter, a ramp between.
Status yarn(const JsonObject& o, const JsonObject& config, double theta, uint32_t rotary, std::vector<float>& frequencies, Rope& rope) {
    weft_ASSIGN(const double factor, o.number("factor"));
    weft_ASSIGN(const double trained, config.number_or("max_position_embeddings", 2048));
    weft_ASSIGN(const double original, o.number_or("original_max_position_embeddings", trained));
    weft_ASSIGN(const double fast, o.number_or("beta_fast", 32));
    weft_ASSIGN(const double slow, o.number_or("beta_slow", 1));
    weft_ASSIGN(const bool truncate, o.boolean_or("truncate", true));
    const auto correction = [&](double rotations) { return rotary * std::log(original / (rotations * 2 * std::numbers::pi)) / (2 * std::log(theta)); };
    double low = correction(fast), high = correction(slow);
    if (truncate) low = std::floor(low), high = std::ceil(high);
    low = std::max(low, 0.0);
    high = std::min(high, double(rotary - 1));
    if (low == high) high += 0.001;
    for (uint32_t i = 0; i < rotary / 2; ++i) {
        const double extra = std::pow(theta, -2.0 * i / rotary), inter = extra / factor;
        const double keep = 1 - std::clamp((i - low) / (high - low), 0.0, 1.0);
        frequencies.push_back(float(inter * (1 - keep) + extra * keep));
    }
    const auto mscale = [&](double m) { return factor <= 1 ? 1.0 : 0.1 * m * std::log(factor) + 1; };
    weft_ASSIGN(const double m, o.number_or("mscale", 0));
    weft_ASSIGN(const double all, o.number_or("mscale_all_dim", 0));
    weft_ASSIGN(const double given, o.number_or("attention_factor", m != 0 && all != 0 ? mscale(m) / mscale(all) : mscale(1)));
    rope.factor = float(given);
    return Ok{};
}

// Llama 3.1: long wavelengths divided by the factor, short ones kept, a smooth blend between.
Status llama3(const JsonObject& o, const JsonObject& config, double theta, uint32_t rotary, std::vector<float>& frequencies) {
    weft_ASSIGN(const double factor, o.number("factor"));
    weft_ASSIGN(const double low, o.number_or("low_freq_factor", 1));
    weft_ASSIGN(const double high, o.number_or("high_freq_factor", 4));
    weft_ASSIGN(const double trained, config.number_or("max_position_embeddings", 8192));
    weft_ASSIGN(const double original, o.number_or("original_max_position_embeddings", trained));
    for (uint32_t i = 0; i < rotary / 2; ++i) {
        const double f = std::pow(theta, -2.0 * i / rotary), wavelength = 2 * std::numbers::pi / f;
        double scaled = f;
        if (wavelength > original / low) scaled = f / factor;
        else if (wavelength >= original / high) {
            const double smooth = (original / wavelength - low) / (high - low);
            scaled = (1 - smooth) * f / factor + smooth * f;
        }
        frequencies.push_back(float(scaled));
    }
    return Ok{};
}

// Ding et al. 2024, LongRoPE: one list of divisors up to the original length, another beyond.
Status longrope(const JsonObject& o, const JsonObject& config, double theta, uint32_t rotary, std::vector<float>& frequencies, Rope& rope) {
    weft_ASSIGN(const double trained, config.number_or("max_position_embeddings", 4096));
    weft_ASSIGN(const double beside, config.number_or("original_max_position_embeddings", 0));
    weft_ASSIGN(const double original, o.number_or("original_max_position_embeddings", beside ? beside : trained));
    weft_ASSIGN(const double factor, o.number_or("factor", trained / original));
    for (const char* key : {"short_factor", "long_factor"}) {
        weft_ASSIGN(const auto divisors, o.numbers(key));
        if (divisors.size() != rotary / 2) return o.bad(key, "must hold " + std::to_string(rotary / 2) + " numbers, one for each rotated pair of channels");
        for (uint32_t i = 0; i < rotary / 2; ++i) frequencies.push_back(float(std::pow(theta, -2.0 * i / rotary) / divisors[i]));
    }
    weft_ASSIGN(const double given, o.number_or("attention_factor", factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(original))));
    weft_ASSIGN(const double short_m, o.number_or("short_mscale", given));
    weft_ASSIGN(const double long_m, o.number_or("long_mscale", given));
    rope.long_table = true;
    rope.original = uint32_t(original);
    rope.factor = float(short_m);
    rope.long_factor = float(long_m);
    return Ok{};
}

} // namespace

Result<Rope> rope_of(const JsonObject& config, Slots& slots, uint32_t head_size, double default_theta, const std::string& layer_kind, double default_partial, RopeKind kind) {
    // transformers 5: rope_parameters, perhaps keyed by layer type. Before: rope_theta and rope_scaling beside each other.
    JsonObject source = config;
    if (config.has("rope_parameters")) {
        weft_ASSIGN(source, config.object("rope_parameters"));
        if (!layer_kind.empty() && source.has(layer_kind)) {
            weft_ASSIGN(source, source.object(layer_kind));
        }
    }
    weft_ASSIGN(const double outer_theta, config.number_or("rope_theta", default_theta));
    weft_ASSIGN(double theta, source.number_or("rope_theta", outer_theta));
    weft_ASSIGN(const double outer_partial, config.number_or("partial_rotary_factor", default_partial));
    weft_ASSIGN(double partial, source.number_or("partial_rotary_factor", outer_partial));
    JsonObject scaling = source;
    if (config.has("rope_scaling")) {
        weft_ASSIGN(scaling, config.object("rope_scaling"));
    }
    weft_ASSIGN(const std::string old_type, scaling.string_or("type", "default"));
    weft_ASSIGN(const std::string type, scaling.string_or("rope_type", old_type));
    Rope rope;
    rope.kind = kind;
    rope.rotary = uint32_t(head_size * partial);
    if (!(theta > 0) || rope.rotary < 2 || rope.rotary > head_size || rope.rotary % 2) return config.bad("rope_theta", "and the partial rotary factor must give a positive base and an even number of at least 2 rotated channels");
    std::vector<float> frequencies;
    if (type == "default") frequencies = plain(theta, rope.rotary);
    else if (type == "linear") {
        weft_ASSIGN(const double factor, scaling.number("factor"));
        for (uint32_t i = 0; i < rope.rotary / 2; ++i) frequencies.push_back(float(std::pow(theta, -2.0 * i / rope.rotary) / factor));
    } else if (type == "dynamic") {
        weft_ASSIGN(const double factor, scaling.number("factor"));
        weft_ASSIGN(const double trained, config.number_or("max_position_embeddings", 2048));
        weft_ASSIGN(const double original, scaling.number_or("original_max_position_embeddings", trained));
        frequencies = plain(theta, rope.rotary);
        rope.ntk = float(factor);
        rope.original = uint32_t(original);
    } else if (type == "yarn") weft_TRY(yarn(scaling, config, theta, rope.rotary, frequencies, rope));
    else if (type == "llama3") weft_TRY(llama3(scaling, config, theta, rope.rotary, frequencies));
    else if (type == "longrope" || type == "su") weft_TRY(longrope(scaling, config, theta, rope.rotary, frequencies, rope));
    else return Error{ErrorCode::unsupported, scaling.origin() + ": rope type '" + type + "' is not supported", {"weft knows: default, linear, dynamic, yarn, llama3, longrope"}};
    const uint32_t half = rope.rotary / 2;
    rope.frequencies = rope.long_table ? slots.computed("rotary frequencies", {2, half}, std::move(frequencies)) : slots.computed("rotary frequencies", {half}, std::move(frequencies));
    return rope;
}

} // namespace weft
