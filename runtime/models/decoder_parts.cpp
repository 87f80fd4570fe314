// SPDX-License-Identifier: Apache-2.0
#include "models/decoder_parts.hpp"
#include <cmath>
#include <limits>

namespace weft::detail {
namespace {

constexpr uint64_t kMostRows = (uint64_t(1) << 31) - 1; // of one matrix
constexpr uint64_t kMostExperts = 1 << 17; // of all layers: each is several names in memory before a file is looked at

bool absent(const JsonObject& config, const std::string& key) {
    return !config.json().is_object() || !config.json().contains(key);
}

} // namespace

std::string layer_name(uint32_t i) { return "layers." + std::to_string(i) + "."; }

Result<uint32_t> layer_count(const JsonObject& config, const std::string& key) {
    weft_ASSIGN(const uint32_t n, config.count(key));
    if (n > kMostLayers) return config.bad(key, "must be at most " + std::to_string(kMostLayers));
    return n;
}

Result<uint32_t> count_or_none(const JsonObject& config, const std::string& key, uint32_t if_absent) {
    if (absent(config, key)) return if_absent;
    return config.has(key) ? config.count(key) : Result<uint32_t>(0);
}

Result<uint32_t> count_or_zero(const JsonObject& config, const std::string& key, uint32_t if_absent) {
    weft_ASSIGN(const int64_t n, config.integer_or(key, if_absent));
    return n == 0 ? Result<uint32_t>(0) : config.count_or(key, if_absent);
}

Result<double> epsilon_or(const JsonObject& config, const std::string& key, double otherwise) {
    weft_ASSIGN(const double eps, config.number_or(key, otherwise));
    if (eps >= 0 && eps <= std::numeric_limits<float>::max()) return eps;
    return config.bad(key, "must be a float that is not negative");
}

Result<double> number_or_none(const JsonObject& config, const std::string& key, double if_absent) {
    return absent(config, key) ? Result<double>(if_absent) : config.number_or(key, 0);
}

const char* either(const JsonObject& config, const char* own, const char* usual) {
    return config.has(own) || !config.has(usual) ? own : usual;
}

Result<uint32_t> inner_width(const JsonObject& config, const std::string& key) {
    weft_ASSIGN(const uint32_t n, config.count(key));
    if (2 * uint64_t(n) > kMostRows) return config.bad(key, "is too large");
    return n;
}

Result<uint32_t> inner_width_or(const JsonObject& config, const std::string& key, uint32_t otherwise) {
    return config.has(key) ? inner_width(config, key) : Result<uint32_t>(otherwise);
}

Result<Heads> read_heads(const JsonObject& config, uint32_t width, uint32_t kv_default, uint32_t size_default) {
    Heads h;
    weft_ASSIGN(h.heads, config.count("num_attention_heads"));
    weft_ASSIGN(h.kv_heads, count_or_none(config, "num_key_value_heads", kv_default));
    if (h.kv_heads == 0) h.kv_heads = h.heads;
    weft_ASSIGN(h.head_size, count_or_none(config, "head_dim", size_default));
    if (h.head_size == 0) h.head_size = width / h.heads;
    weft_TRY(check_heads(config, h, "num_attention_heads", "num_key_value_heads"));
    return h;
}

Result<Heads> heads_of_width(const JsonObject& config, uint32_t width, const std::string& key,
                             const std::string& width_key) {
    Heads h;
    weft_ASSIGN(h.heads, config.count(key));
    if (width % h.heads) return config.bad(key, "must divide " + width_key);
    h.kv_heads = h.heads;
    h.head_size = width / h.heads;
    weft_TRY(check_heads(config, h, key, key));
    return h;
}

Status check_heads(const JsonObject& config, const Heads& h, const std::string& heads_key, const std::string& kv_key) {
    if (h.heads % h.kv_heads) return config.bad(kv_key, "must divide " + heads_key);
    if (h.head_size == 0) return config.bad(heads_key, "must not exceed the width of the model");
    if (2 * (uint64_t(h.heads) + h.kv_heads) * h.head_size > kMostRows)
        return config.bad(heads_key, "times the size of a head is too large");
    return Ok{};
}

AttentionSpec Heads::attention() const {
    AttentionSpec a;
    a.heads = heads;
    a.kv_heads = kv_heads;
    a.head_size = a.value_size = head_size;
    a.scale = float(1 / std::sqrt(double(head_size)));
    return a;
}

Result<DecoderSizes> read_decoder(const JsonObject& config, const DecoderDefaults& defaults) {
    DecoderSizes d;
    weft_ASSIGN(d.layers, layer_count(config));
    weft_ASSIGN(d.width, config.count("hidden_size"));
    weft_ASSIGN(d.heads, read_heads(config, d.width, defaults.kv_heads, defaults.head_size));
    weft_ASSIGN(d.inner, defaults.inner ? inner_width_or(config, "intermediate_size", defaults.inner)
                                        : inner_width(config, "intermediate_size"));
    weft_ASSIGN(d.eps, epsilon_or(config, "rms_norm_eps", defaults.eps));
    weft_ASSIGN(d.attention_bias,
                defaults.reads_bias ? config.boolean_or("attention_bias", false) : Result<bool>(false));
    weft_ASSIGN(d.activation, activation_of(config, "hidden_act", "silu"));
    return d;
}

AttentionSpec usual_attention(Builder& builder, const std::string& at, const Heads& h, uint32_t width, bool qkv_bias,
                              bool out_bias, uint32_t turned) {
    AttentionSpec a = h.attention();
    std::vector<Builder::Part> parts;
    const auto add = [&](const std::string& name, uint32_t heads, uint32_t first) {
        const uint32_t size = h.head_size, rows = heads * size, rest = size - turned;
        if (!turned || !builder.gguf()) return parts.push_back({name, rows});
        parts.push_back({name, heads * turned, rows, even_then_odd(heads, size, turned),
                         rows_of_groups(heads, size, first, turned)});
        if (rest)
            parts.push_back({name, heads * rest, rows, rows_of_groups(heads, size, turned, rest),
                             rows_of_groups(heads, size, first + turned, rest)});
    };
    add(at + "q_proj", h.heads, 0);
    add(at + "k_proj", h.kv_heads, h.q_rows());
    parts.push_back({at + "v_proj", h.kv_rows()});
    a.qkv = builder.stacked_linear(at + "qkv", parts, width, qkv_bias || builder.from_gguf());
    a.out = builder.linear(at + "o_proj", width, h.q_rows(), out_bias);
    return a;
}

MlpSpec plain_mlp(Builder& builder, const std::string& in, const std::string& out, uint32_t width, uint32_t inner,
                  kernel::Activation activation) {
    MlpSpec m;
    m.gated = false;
    m.inner = inner;
    m.activation = activation;
    m.in = builder.linear(in, inner, width, true);
    m.out = builder.linear(out, width, inner, true);
    return m;
}

MlpSpec usual_mlp(Builder& builder, const std::string& at, uint32_t width, uint32_t inner,
                  kernel::Activation activation, bool bias) {
    MlpSpec m;
    m.in = builder.stacked_linear(at + "gate_up", {{at + "gate_proj", inner}, {at + "up_proj", inner}}, width, bias);
    m.out = builder.linear(at + "down_proj", width, inner, bias);
    m.inner = inner;
    m.activation = activation;
    return m;
}

Status check_experts(const JsonObject& config, const Experts& e, uint32_t layers, const std::string& count_key,
                     const std::string& chosen_key) {
    if (e.chosen > e.count)
        return config.bad(chosen_key, "must be at most " + count_key + ", " + std::to_string(e.count));
    if (uint64_t(layers) * e.count > kMostExperts)
        return config.bad(count_key, "times the number of layers is too large");
    return Ok{};
}

Result<Experts> read_mixtral_experts(const JsonObject& config, uint32_t layers, uint32_t inner) {
    Experts e{.inner = inner, .renormalise = true};
    const char* count_key = either(config, "num_local_experts", "num_experts");
    weft_ASSIGN(e.count, config.count_or(count_key, 8));
    weft_ASSIGN(e.chosen, config.count_or("num_experts_per_tok", 2));
    weft_TRY(check_experts(config, e, layers, count_key, "num_experts_per_tok"));
    return e;
}

Result<CorrectedRouting> read_corrected_routing(const JsonObject& config, const Experts& e) {
    CorrectedRouting r;
    weft_ASSIGN(r.scale, config.number_or("routed_scaling_factor", 1));
    weft_ASSIGN(r.groups, config.count_or("n_group", 1));
    weft_ASSIGN(r.kept_groups, config.count_or("topk_group", 1));
    if (e.count % r.groups || e.count / r.groups < 2)
        return config.bad("n_group", "must divide the experts into groups of two or more");
    if (r.kept_groups > r.groups) return config.bad("topk_group", "must be at most n_group");
    if (uint64_t(r.kept_groups) * (e.count / r.groups) < e.chosen)
        return config.bad("topk_group", "must keep at least num_experts_per_tok experts");
    return r;
}

void correct_routing(Builder& builder, MoeSpec& m, const std::string& gate, const CorrectedRouting& r) {
    m.score = kernel::RouterScore::sigmoid;
    m.choice_bias = builder.vector(gate + ".e_score_correction_bias", {m.experts});
    m.groups = r.groups;
    m.kept_groups = r.kept_groups;
    m.scale = float(r.scale);
}

Result<std::vector<bool>> sparse_layers(const JsonObject& config, uint32_t layers, uint32_t experts) {
    weft_ASSIGN(const uint32_t step, config.count_or("decoder_sparse_step", 1));
    std::vector<bool> sparse;
    for (uint32_t i = 0; i < layers; ++i) sparse.push_back(experts && (i + 1) % step == 0);
    if (config.has("mlp_only_layers")) {
        weft_ASSIGN(const auto dense, config.numbers("mlp_only_layers"));
        for (double i : dense)
            if (i >= 0 && i < layers) sparse[size_t(i)] = false;
    }
    return sparse;
}

MoeSpec usual_experts(Builder& builder, const std::string& at, uint32_t width, const Experts& e,
                      kernel::Activation activation, const ExpertNames& names) {
    const std::string one = at + "experts.{e}.", all = at + "experts.";
    const uint32_t wide = e.width ? e.width : width;
    MoeSpec m;
    m.experts = e.count;
    m.chosen = e.chosen;
    m.inner = e.inner;
    m.renormalise = e.renormalise;
    m.activation = activation;
    m.router = builder.linear(at + names.router, e.count, width);
    m.gated = !names.gate.empty();
    std::vector<Builder::Part> in{{one + names.up + ".weight", e.inner}};
    if (m.gated) in.insert(in.begin(), {one + names.gate + ".weight", e.inner});
    const std::string stacked = all + (m.gated ? "gate_up_proj" : "up_proj");
    m.gate_up = builder.experts(stacked, e.count, in, stacked, wide);
    m.down =
        builder.experts(all + "down_proj", e.count, {{one + names.down + ".weight", wide}}, all + "down_proj", e.inner);
    return m;
}

void add_gated_shared_expert(Builder& builder, MoeSpec& m, const std::string& at, uint32_t width, uint32_t inner,
                             kernel::Activation activation) {
    m.shared = usual_mlp(builder, at + "shared_expert.", width, inner, activation);
    m.shared_gate = builder.linear(at + "shared_expert_gate", 1, width);
}

Layer pre_norm_layer(Builder& builder, const std::string& at, uint32_t width, double eps, Op attention, Op ffn,
                     const std::string& second_norm, bool zero_centred) {
    Layer layer;
    layer.blocks.push_back({.pre = builder.rms(at + "input_layernorm.weight", width, eps, zero_centred),
                            .branches = {{std::move(attention)}}});
    layer.blocks.push_back(
        {.pre = builder.rms(at + second_norm + ".weight", width, eps, zero_centred), .branches = {{std::move(ffn)}}});
    return layer;
}

Result<std::vector<uint32_t>> layer_windows(const JsonObject& config, uint32_t window,
                                            const std::vector<bool>& slides) {
    weft_ASSIGN(const auto types, layer_types(config, uint32_t(slides.size())));
    std::vector<uint32_t> windows;
    for (size_t i = 0; i < slides.size(); ++i) {
        bool slide = slides[i];
        if (types) {
            const std::string& type = (*types)[i];
            slide = type == "sliding_attention";
            if (!slide && type != "full_attention" && type != "attention")
                return config.bad("layer_types",
                                  "names '" + type + "', but this model has only full_attention and sliding_attention");
        }
        if (slide && !window)
            return Error{ErrorCode::malformed,
                         config.origin() + ": key 'sliding_window' must be set, since layer " + std::to_string(i) +
                             " slides",
                         {}};
        windows.push_back(slide ? window : 0);
    }
    return windows;
}

Result<Rope> whole_head_rope(const JsonObject& config, Builder& builder, uint32_t head_size, double default_theta,
                             uint32_t default_context) {
    const auto partial = builder.from_gguf() ? std::optional(1.0) : std::nullopt;
    weft_ASSIGN(const Json parameters, rope_parameters(config, default_theta, "", partial, default_context));
    return rope_from(rope_view(config, parameters), builder, head_size);
}

} // namespace weft::detail
