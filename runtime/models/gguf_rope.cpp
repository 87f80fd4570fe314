// SPDX-License-Identifier: Apache-2.0
// L5: rotary positions in GGUF files: their keys and tensors of divisors, read and written.
#include "layers/attention.hpp"
#include "models/gguf_keys.hpp"
#include <array>
#include <cmath>

namespace weft::detail {
namespace {

// YaRN's, where the config names them.
const std::vector<GgufKey> kYarnKeys = {{"rope.scaling.yarn_beta_fast", "beta_fast", nullptr, 32},
                                        {"rope.scaling.yarn_beta_slow", "beta_slow", nullptr, 1},
                                        {"rope.scaling.yarn_truncate", "truncate", nullptr, true}};

// What a file divides rotary frequencies by, for short and for long texts: LongRoPE's two lists, or Llama 3.1's one for
// both. Nothing if it has none; a list that it lacks beside another divides by 1.
Result<std::optional<std::array<std::vector<double>, 2>>> read_divisors(const ModelFiles& files) {
    using Lists = std::array<std::vector<double>, 2>;
    constexpr const char* kNames[][2] = {{"rope_factors_short.weight", "rope_factors_long.weight"},
                                         {"rope_freqs.weight", "rope_freqs.weight"}};
    for (const auto& names : kNames) {
        Lists lists;
        for (size_t i = 0; i < 2; ++i)
            if (const TensorView* view = files.find(names[i])) {
                weft_ASSIGN(const auto values, read_f32(*view));
                lists[i].assign(values.begin(), values.end());
            }
        for (size_t i = 0; i < 2; ++i)
            if (lists[i].empty()) lists[i].assign(lists[1 - i].size(), 1);
        if (!lists[0].empty()) return std::optional(std::move(lists));
    }
    return std::optional<Lists>();
}

// By which all rotary frequencies are divided, in YaRN the low ones.
Result<double> read_factor(const GgufPrefixed& keys, Json& scaling, bool yarn) {
    weft_TRY(gguf_copy(keys, scaling, {{"rope.scale_linear", "factor", nullptr, 0}}));
    weft_TRY(gguf_copy(keys, scaling, {{"rope.scaling.factor", "factor", nullptr, scaling["factor"]}}));
    const auto factor = JsonObject(scaling, keys.metadata.origin()).number("factor");
    const double least = yarn ? 1 : 0;
    if (!factor || !(*factor == 0 || *factor >= least))
        return keys.bad("rope.scaling.factor", "must be " + std::string(yarn ? "at least 1" : "positive"));
    return *factor == 0 ? 1 : *factor;
}

// What the layers that see all use, or else any.
const Rope* rope_of_schedule(const Schedule& s) {
    const Rope* found = nullptr;
    for (const Layer& layer : decoder_of(s).layers)
        if (const auto* a = op_of<AttentionSpec>(layer); a && a->rope.kind != RopeKind::none && (!found || !a->window))
            found = &a->rope;
    return found;
}

} // namespace

double rope_base(const Schedule& schedule, const Rope& rope) {
    const std::vector<float>& f = schedule.weights[rope.frequencies].computed;
    const uint32_t rotary = rope.rotary;
    if (f.size() < 2) return 10000;
    const double theta = std::pow(double(f.back()), -double(rotary) / (rotary - 2.0));
    return std::abs(theta - std::round(theta)) < 1e-6 * theta ? std::round(theta) : theta;
}

// Rotary scaling in the words of transformers: LongRoPE is its type that takes divisors.
Status read_gguf_rope(const GgufPrefixed& keys, const ModelFiles& files, Json& config) {
    weft_ASSIGN(const auto type, keys.metadata.string_or(keys("rope.scaling.type"), "linear"));
    if (type != "none" && type != "linear" && type != "yarn" && type != "longrope")
        return Error{ErrorCode::unsupported,
                     keys.bad("rope.scaling.type", "is " + in_quotes(type) + ", which is not supported").message,
                     {"weft knows: none, linear, yarn, longrope"}};
    Json scaling = Json::object();
    weft_TRY(gguf_copy(keys, scaling,
                       {{"rope.scaling.attn_factor", kRopeMagnitude, nullptr, 1},
                        {"rope.scaling.original_context_length", "original_max_position_embeddings", nullptr,
                         config["max_position_embeddings"]}}));
    weft_TRY(gguf_copy(keys, scaling, kYarnKeys));
    weft_ASSIGN(double factor, read_factor(keys, scaling, type == "yarn"));
    if (type == "none") factor = 1;
    scaling["factor"] = factor;
    scaling["rope_type"] = type == "yarn" ? "yarn" : "linear";
    weft_ASSIGN(auto divisors, read_divisors(files));
    if (divisors && type == "yarn")
        return keys.unsupported("rope.scaling.type", "is 'yarn' beside tensors of divisors, which is not supported");
    if ((divisors || type == "yarn") && scaling["original_max_position_embeddings"].is_null())
        return keys.bad("context_length", "is missing");
    if (divisors) {
        for (auto& list : *divisors)
            for (double& d : list) d *= factor;
        scaling.update({{"rope_type", "longrope"},
                        {"short_factor", (*divisors)[0]},
                        {"long_factor", (*divisors)[1]},
                        {"attention_factor", 1}});
    }
    for (const auto& [name, key] : scaling[kGgufKeys].items()) config[kGgufShared].push_back(key);
    config[kGgufKeys].update(scaling[kGgufKeys]);
    scaling.erase(kGgufKeys);
    config["rope_scaling"] = std::move(scaling);
    return Ok{};
}

Result<std::vector<GgufFactors>> write_gguf_rope(const Schedule& s, const JsonObject& config, const std::string& prefix,
                                                 GgufWriter& w) {
    const Rope* rope = rope_of_schedule(s);
    std::vector<GgufFactors> factors;
    if (!rope) return factors;
    const std::vector<float>& f = s.weights[rope->frequencies].computed;
    weft_ASSIGN(const Json parameters,
                rope_parameters(config, rope_base(s, *rope), config.has("layer_types") ? "full_attention" : ""));
    const JsonObject p(parameters, config.origin());
    weft_ASSIGN(const double theta, p.number("rope_theta"));
    weft_ASSIGN(const std::string type, p.string("rope_type"));
    w.f32(prefix + "rope.freq_base", float(theta));
    if (type == "linear" || type == "yarn") {
        weft_ASSIGN(const double factor, p.number("factor"));
        w.string(prefix + "rope.scaling.type", type);
        w.f32(prefix + "rope.scaling.factor", float(factor));
    }
    if (type == "yarn" || rope->long_table) {
        weft_ASSIGN(const uint32_t trained, p.count("max_position_embeddings"));
        weft_ASSIGN(const uint32_t original, p.count_or("original_max_position_embeddings", trained));
        w.u32(prefix + "rope.scaling.original_context_length", rope->long_table ? rope->original : original);
    }
    if (type == "yarn")
        for (const GgufKey& row : kYarnKeys) {
            if (row.otherwise->is_boolean()) {
                weft_ASSIGN(const bool truth, p.boolean_or(row.name, row.otherwise->get<bool>()));
                w.boolean(prefix + row.key, truth);
            } else {
                weft_ASSIGN(const double number, p.number_or(row.name, row.otherwise->get<double>()));
                w.f32(prefix + row.key, float(number));
            }
        }
    // Frequencies that a tensor of divisors gives.
    const auto divisors = [&](const char* name, size_t from) {
        GgufFactors g{name, {}};
        for (uint32_t i = 0; i < rope->rotary / 2; ++i)
            g.values.push_back(float(std::pow(theta, -2.0 * i / rope->rotary) / f[from + i]));
        factors.push_back(std::move(g));
    };
    if (rope->long_table) {
        w.f32(prefix + "rope.scaling.attn_factor", rope->factor);
        divisors("rope_factors_long.weight", rope->rotary / 2);
        divisors("rope_factors_short.weight", 0);
    } else if (type == "llama3") divisors("rope_freqs.weight", 0);
    return factors;
}

Status gguf_one_rope(const ModelFiles& files, const Json& config) {
    weft_ASSIGN(const GgufPrefixed keys, gguf_prefixed(files));
    weft_ASSIGN(const Json base, gguf_value(keys, "rope.freq_base_swa"));
    if (!base.is_null() && base != config["rope_theta"])
        return keys.unsupported("rope.freq_base_swa",
                                "is not " + config["rope_theta"].dump() + ", which is not supported");
    weft_ASSIGN(const auto type, keys.metadata.string_or(keys("rope.scaling.type"), "linear"));
    weft_ASSIGN(const Json factor, gguf_value(keys, "rope.scaling.factor"));
    if (type == "none" && !factor.is_null() && factor != 1)
        return keys.unsupported(
            "rope.scaling.type",
            "is 'none' beside a factor, by which layers that slide are scaled; this is not supported");
    return Ok{};
}

} // namespace weft::detail
