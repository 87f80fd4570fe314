// SPDX-License-Identifier: Apache-2.0
// L5: rotary frequencies from a config, in double precision: the types of transformers'
// modeling_rope_utils and of the papers they name.
#include "models/architecture.hpp"
#include <algorithm>
#include <cmath>
#include <numbers>

namespace weft::detail {
namespace {

constexpr uint32_t kLargestHead = 65536; // a config alone must not make weft allocate more

// The unscaled frequencies of `dim` rotated channels; an odd dim is rounded up to whole pairs.
std::vector<double> plain(double theta, uint32_t dim) {
    std::vector<double> f;
    for (uint32_t i = 0; i < dim; i += 2) f.push_back(std::pow(theta, -double(i) / dim));
    return f;
}

// What something is divided by.
Result<double> divisor(const JsonObject& o, const char* key, std::optional<double> otherwise = std::nullopt) {
    weft_ASSIGN(const double value, otherwise ? o.number_or(key, *otherwise) : o.number(key));
    if (!(value > 0)) return o.bad(key, "must be positive");
    return value;
}

// Peng et al. 2023, YaRN: interpolated where a wavelength is longer than the original context,
// untouched where much shorter, a ramp between.
Status yarn(const JsonObject& o, double theta, uint32_t dim, std::vector<double>& frequencies, Rope& rope) {
    weft_ASSIGN(const uint32_t trained, o.count("max_position_embeddings"));
    weft_ASSIGN(const uint32_t original, o.count_or("original_max_position_embeddings", trained));
    weft_ASSIGN(const double factor, divisor(o, "factor", double(trained) / original));
    weft_ASSIGN(double fast, o.number_or("beta_fast", 0));
    weft_ASSIGN(double slow, o.number_or("beta_slow", 0));
    weft_ASSIGN(const bool truncate, o.boolean_or("truncate", true));
    if (fast == 0) fast = 32; // the reference takes 0 as absent
    if (slow == 0) slow = 1;
    const auto correction = [&](double rotations) {
        return dim * std::log(original / (rotations * 2 * std::numbers::pi)) / (2 * std::log(theta));
    };
    double low = correction(fast), high = correction(slow);
    if (truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, double(dim) - 1);
    if (low == high) high += 0.001;
    for (size_t i = 0; i < frequencies.size(); ++i) {
        const double interpolated = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
        frequencies[i] *= interpolated / factor + (1 - interpolated);
    }
    const auto mscale = [&](double m) { return factor <= 1 ? 1.0 : 0.1 * m * std::log(factor) + 1; };
    weft_ASSIGN(const double m, o.number_or("mscale", 0));
    weft_ASSIGN(const double all, o.number_or("mscale_all_dim", 0));
    weft_ASSIGN(const double given,
                o.number_or("attention_factor", m != 0 && all != 0 ? mscale(m) / mscale(all) : mscale(1)));
    rope.factor = float(given);
    return Ok{};
}

// Llama 3.1: long wavelengths divided by the factor, short ones kept, a smooth blend between.
Status llama3(const JsonObject& o, std::vector<double>& frequencies) {
    weft_ASSIGN(const double factor, divisor(o, "factor"));
    weft_ASSIGN(const double low, divisor(o, "low_freq_factor", 1));
    weft_ASSIGN(const double high, divisor(o, "high_freq_factor", 4));
    weft_ASSIGN(const uint32_t trained, o.count("max_position_embeddings"));
    weft_ASSIGN(const uint32_t original, o.count_or("original_max_position_embeddings", trained));
    for (double& f : frequencies) {
        const double wavelength = 2 * std::numbers::pi / f;
        if (wavelength > original / low) f /= factor;
        else if (wavelength >= original / high) {
            const double smooth = (original / wavelength - low) / (high - low);
            f = (1 - smooth) * f / factor + smooth * f;
        }
    }
    return Ok{};
}

// Ding et al. 2024, LongRoPE: one list of divisors up to the original length, another beyond.
Status longrope(const JsonObject& o, std::vector<double>& frequencies, Rope& rope) {
    weft_ASSIGN(const uint32_t trained, o.count("max_position_embeddings"));
    weft_ASSIGN(rope.original, o.count_or("original_max_position_embeddings", trained));
    weft_ASSIGN(const double factor, divisor(o, "factor", double(trained) / rope.original));
    const std::vector<double> unscaled = std::move(frequencies);
    frequencies.clear();
    for (const char* key : {"short_factor", "long_factor"}) {
        weft_ASSIGN(const auto divisors, o.numbers(key));
        if (divisors.size() != unscaled.size())
            return o.bad(key, "must hold " + std::to_string(unscaled.size()) +
                                  " numbers, one for each rotated pair of channels");
        if (!std::ranges::all_of(divisors, [](double d) { return d > 0; }))
            return o.bad(key, "must hold positive numbers");
        // As the reference and GGUF files hold them.
        for (size_t i = 0; i < unscaled.size(); ++i) frequencies.push_back(unscaled[i] / double(float(divisors[i])));
    }
    weft_ASSIGN(const double given,
                o.number_or("attention_factor",
                            factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(double(rope.original)))));
    rope.long_table = true;
    rope.factor = rope.long_factor = float(given);
    return Ok{};
}

} // namespace

Result<Json> rope_parameters(const JsonObject& config, double default_theta, const std::string& layer_kind,
                             std::optional<double> default_partial, uint32_t default_context) {
    // transformers 5 writes rope_parameters, perhaps keyed by layer type; before, rope_scaling stood beside rope_theta.
    // An empty rope_scaling counts as absent.
    Json p = Json::object();
    for (const char* key : {"rope_parameters", "rope_scaling"})
        if (config.has(key)) {
            weft_ASSIGN(const JsonObject given, config.object(key));
            if (given.json().empty()) continue;
            p = given.json();
            if (!layer_kind.empty() && given.has(layer_kind)) {
                weft_ASSIGN(const JsonObject own, given.object(layer_kind));
                p = own.json();
            }
        }
    const JsonObject view = rope_view(config, p, layer_kind);
    const auto complete = [&](const char* key, const Json& otherwise) {
        if (!view.has(key)) p[key] = config.has(key) ? config.json()[key] : otherwise;
    };
    complete("rope_theta", default_theta);
    // Null is not the class's own factor, but none.
    if (!default_partial) p.erase("partial_rotary_factor");
    else complete("partial_rotary_factor", config.json().contains("partial_rotary_factor") ? 1.0 : *default_partial);
    if (!view.has("rope_type")) p["rope_type"] = view.has("type") ? p["type"] : Json("default");
    // The lengths: what the model is for, and what it was first trained on; the latter beside the rope's own
    // numbers wins over one among them (Phi-3).
    p["max_position_embeddings"] =
        config.has("max_position_embeddings") ? config.json()["max_position_embeddings"] : Json(default_context);
    if (config.has("original_max_position_embeddings"))
        p["original_max_position_embeddings"] = config.json()["original_max_position_embeddings"];
    return p;
}

JsonObject rope_view(const JsonObject& config, const Json& parameters, const std::string& layer_kind) {
    std::vector<std::string> inside = {"rope_scaling", "rope_parameters"};
    if (!layer_kind.empty()) inside.push_back("rope_parameters." + layer_kind);
    return config.changed(parameters, inside, "rotary parameters");
}

Result<Rope> rope_from(const JsonObject& p, Builder& builder, uint32_t head_size, RopeKind kind) {
    weft_ASSIGN(const std::string type, p.string("rope_type"));
    weft_ASSIGN(const double theta, p.number("rope_theta"));
    weft_ASSIGN(const double partial, p.number_or("partial_rotary_factor", 1));
    if (head_size > kLargestHead)
        return p.bad("rope_type", "cannot be computed for heads of " + std::to_string(head_size) + " channels");
    if (!(theta > 0) || !std::isfinite(theta)) return p.bad("rope_theta", "must be positive");
    if (!(partial > 0 && partial <= 1)) return p.bad("partial_rotary_factor", "must be above 0 and at most 1");
    const uint32_t dim = uint32_t(head_size * partial), pairs = (dim + 1) / 2;
    if (partial == 1 && head_size % 2)
        return p.bad("rope_type", "rotates whole pairs of channels, and a head has " + std::to_string(head_size));
    if (dim == 0 || 2 * pairs > head_size)
        return p.bad("partial_rotary_factor",
                     "must leave at least one channel of " + std::to_string(head_size) + " to rotate, and whole pairs");
    Rope rope;
    rope.kind = kind;
    rope.rotary = 2 * pairs;
    std::vector<double> frequencies = plain(theta, dim);
    if (type == "linear") {
        weft_ASSIGN(const double factor, divisor(p, "factor"));
        for (double& f : frequencies) f /= factor;
    } else if (type == "dynamic") { // the device computes it, from the length
        weft_ASSIGN(const double factor, divisor(p, "factor"));
        weft_ASSIGN(rope.original, p.count("max_position_embeddings"));
        if (dim == 2) return p.bad("rope_type", "is 'dynamic', which needs more than two rotated channels");
        rope.ntk = float(factor);
    } else if (type == "yarn") weft_TRY(yarn(p, theta, dim, frequencies, rope));
    else if (type == "llama3") weft_TRY(llama3(p, frequencies));
    else if (type == "longrope" || type == "su") weft_TRY(longrope(p, frequencies, rope));
    else if (type != "default")
        return Error{ErrorCode::unsupported,
                     p.origin() + ": rope type '" + type + "' is not supported",
                     {"weft knows: default, linear, dynamic, yarn, llama3, longrope"}};
    weft_ASSIGN(const double magnitude, p.number_or(kRopeMagnitude, 1));
    rope.factor *= float(magnitude);
    rope.long_factor *= float(magnitude);
    std::vector<float> values(frequencies.begin(), frequencies.end());
    bool finite = std::isfinite(rope.factor) && std::isfinite(rope.long_factor) && std::isfinite(rope.ntk);
    for (float f : values) finite = finite && std::isfinite(f);
    if (!finite) return p.bad("rope_type", "and the numbers beside it give rotary frequencies that are not finite");
    rope.frequencies = builder.computed(
        "rotary frequencies", rope.long_table ? std::vector<uint32_t>{2, pairs} : std::vector<uint32_t>{pairs},
        std::move(values));
    return rope;
}

Result<Rope> rope_of(const JsonObject& config, Builder& builder, uint32_t head_size, double default_theta,
                     const std::string& layer_kind, double default_partial, RopeKind kind, uint32_t default_context) {
    weft_ASSIGN(const Json parameters,
                rope_parameters(config, default_theta, layer_kind, default_partial, default_context));
    return rope_from(rope_view(config, parameters, layer_kind), builder, head_size, kind);
}

} // namespace weft::detail
