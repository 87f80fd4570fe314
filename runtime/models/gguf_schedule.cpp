// SPDX-License-Identifier: Apache-2.0
#include "models/gguf_schedule.hpp"
#include "layers/attention.hpp"
#include "layers/gated_delta.hpp"
#include "layers/mamba.hpp"
#include "layers/mamba2.hpp"
#include "layers/moe.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>
#include <cmath>

namespace weft {
namespace {

// The ops of each layer, by kind; nullptr where it has none.
struct LayerOps {
    const AttentionSpec* attention = nullptr;
    const MambaSpec* mamba1 = nullptr;
    const Mamba2Spec* mamba2 = nullptr;
    const GatedDeltaSpec* delta = nullptr;
    const MlpSpec* mlp = nullptr;
    const MoeSpec* moe = nullptr;

    explicit LayerOps(const Layer& layer) {
        for (const Block& block : layer.blocks)
            for (const Branch& branch : block.branches) {
                const auto note = [&](auto*& to) {
                    if (const auto* op = branch.op.as<std::remove_cvref_t<decltype(*to)>>()) to = op;
                };
                note(attention);
                note(mamba1);
                note(mamba2);
                note(delta);
                note(mlp);
                note(moe);
            }
    }
};

// The first layer that has an op.
template <class T>
const T* first(const std::vector<LayerOps>& layers, const T* LayerOps::*member) {
    for (const LayerOps& l : layers)
        if (l.*member) return l.*member;
    return nullptr;
}

constexpr uint32_t kAnyContext = 1u << 20; // llama.cpp's converter writes it for recurrent models

class Metadata {
public:
    Metadata(const Schedule& s, const GgufSide& side, GgufWriter& w)
        : s_(s), prefix_(std::string(side.name) + "."), w_(w) {
        for (const Layer& layer : decoder_of(s).layers) layers_.emplace_back(layer);
    }

    void write() {
        u32("block_count", uint32_t(layers_.size()));
        u32("context_length", s_.trained_context ? s_.trained_context : kAnyContext);
        u32("embedding_length", decoder_of(s_).width);
        u32("vocab_size", s_.vocabulary);
        const bool rms = head_norm(s_).kind == kernel::NormKind::rms;
        f32(rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon", head_norm(s_).eps);
        if (head_linear(s_).softcap != 0) f32("final_logit_softcapping", head_linear(s_).softcap);
        feed_forward();
        attention();
        recurrent();
        if (prefix_ == "granitehybrid.") granite();
    }

private:
    void u32(const char* key, uint32_t v) { w_.u32(prefix_ + key, v); }
    void f32(const char* key, float v) { w_.f32(prefix_ + key, v); }

    void feed_forward() {
        const MlpSpec* mlp = first(layers_, &LayerOps::mlp);
        const MoeSpec* moe = first(layers_, &LayerOps::moe);
        u32("feed_forward_length", mlp ? mlp->inner : moe ? moe->inner : 0);
        if (!moe) return;
        u32("expert_count", moe->experts);
        u32("expert_used_count", moe->chosen);
        u32("expert_feed_forward_length", moe->inner);
        w_.boolean(prefix_ + "expert_weights_norm", moe->renormalise);
        f32("expert_weights_scale", moe->scale);
        u32("expert_gating_func", moe->weight == kernel::RouterWeight::softmax_of_chosen ? 3
                                  : moe->score == kernel::RouterScore::sigmoid           ? 2
                                                                                         : 1);
        if (moe->groups > 1) {
            u32("expert_group_count", moe->groups);
            u32("expert_group_used_count", moe->kept_groups);
        }
        if (moe->shared) {
            u32("expert_shared_feed_forward_length", moe->shared->inner);
            u32("expert_shared_count", std::max(1u, moe->shared->inner / moe->inner));
        }
        uint32_t dense = 0;
        while (dense < layers_.size() && !layers_[dense].moe) ++dense;
        u32("leading_dense_block_count", dense);
        u32("interleave_moe_layer_step", dense + 1);
    }

    void attention() {
        const AttentionSpec* a = first(layers_, &LayerOps::attention);
        u32("attention.head_count", a ? a->heads : 0);
        if (!a) return;
        const bool some = std::ranges::any_of(layers_, [](const LayerOps&l) { return !l.attention; }),
                   delta = first(layers_, &LayerOps::delta);
        if (some && !delta) { // 0: a recurrent layer
            std::vector<int32_t> counts;
            for (const LayerOps& l : layers_) counts.push_back(l.attention ? int32_t(l.attention->kv_heads) : 0);
            w_.i32s(prefix_ + "attention.head_count_kv", counts);
        } else u32("attention.head_count_kv", a->kv_heads);
        u32("attention.key_length", a->head_size);
        u32("attention.value_length", a->value_size);
        f32("attention.scale", a->scale);
        if (a->softcap != 0) f32("attn_logit_softcapping", a->softcap);
        uint32_t window = 0;
        for (const LayerOps& l : layers_)
            if (l.attention) window = std::max(window, l.attention->window);
        if (window) u32("attention.sliding_window", window);
        if (a->rope.kind != RopeKind::none) u32("rope.dimension_count", a->rope.rotary);
    }

    void recurrent() {
        if (const MambaSpec* m = first(layers_, &LayerOps::mamba1)) {
            ssm(m->conv.taps, m->inner, m->state_size, m->rank);
            w_.boolean(prefix_ + "ssm.dt_b_c_rms", m->dt_norm && m->dt_norm.weight == kNoWeight);
        }
        if (const Mamba2Spec* m = first(layers_, &LayerOps::mamba2)) {
            ssm(m->conv.taps, m->heads * m->head_size, m->state_size, m->heads);
            u32("ssm.group_count", m->groups);
        }
        if (const GatedDeltaSpec* g = first(layers_, &LayerOps::delta)) {
            ssm(g->conv.taps, g->value_heads * g->value_size, g->key_size, g->value_heads);
            u32("ssm.group_count", g->key_heads);
            std::vector<bool> recurrent;
            for (const LayerOps& l : layers_) recurrent.push_back(l.delta);
            w_.booleans(prefix_ + "attention.recurrent_layers", recurrent);
            const auto attends = std::ranges::find(recurrent, false);
            u32("full_attention_interval", uint32_t(attends - recurrent.begin()) + 1);
        }
    }

    void ssm(uint32_t taps, uint32_t inner, uint32_t state, uint32_t rank) {
        u32("ssm.conv_kernel", taps);
        u32("ssm.inner_size", inner);
        u32("ssm.state_size", state);
        u32("ssm.time_step_rank", rank);
    }

    void granite() {
        const AttentionSpec* a = first(layers_, &LayerOps::attention);
        const std::vector<Layer>& layers = decoder_of(s_).layers;
        w_.boolean(prefix_ + "rope.scaling.finetuned", a && a->rope.kind != RopeKind::none);
        f32("embedding_scale", embedding_of(s_).scale);
        f32("residual_scale", layers.empty() || layers[0].blocks.empty() ? 1 : layers[0].blocks[0].residual_scale);
        f32("logit_scale", 1 / head_linear(s_).scale);
    }

    const Schedule& s_;
    const std::string prefix_;
    GgufWriter& w_;
    std::vector<LayerOps> layers_;
};

// What the layers that see all use, or else any.
const Rope* rope_of_schedule(const Schedule& s) {
    const Rope* found = nullptr;
    for (const Layer& layer : decoder_of(s).layers)
        if (const LayerOps ops(layer);
            ops.attention && ops.attention->rope.kind != RopeKind::none && (!found || !ops.attention->window))
            found = &ops.attention->rope;
    return found;
}

// The base of frequencies that nothing scales, as people write it.
double base_of(const std::vector<float>& f, uint32_t rotary) {
    if (f.size() < 2) return 10000;
    const double theta = std::pow(double(f.back()), -double(rotary) / (rotary - 2.0));
    return std::abs(theta - std::round(theta)) < 1e-6 * theta ? std::round(theta) : theta;
}

Result<std::vector<GgufFactors>> write_rope(const Schedule& s, const JsonObject& config, const std::string& prefix,
                                            GgufWriter& w) {
    const Rope* rope = rope_of_schedule(s);
    std::vector<GgufFactors> factors;
    if (!rope) return factors;
    const std::vector<float>& f = s.weights[rope->frequencies].computed;
    weft_ASSIGN(const Json parameters,
                rope_parameters(config, base_of(f, rope->rotary), config.has("layer_types") ? "full_attention" : ""));
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
    if (type == "yarn") {
        weft_ASSIGN(const double fast, p.number_or("beta_fast", 32));
        weft_ASSIGN(const double slow, p.number_or("beta_slow", 1));
        weft_ASSIGN(const bool truncate, p.boolean_or("truncate", true));
        w.f32(prefix + "rope.scaling.yarn_beta_fast", float(fast));
        w.f32(prefix + "rope.scaling.yarn_beta_slow", float(slow));
        w.boolean(prefix + "rope.scaling.yarn_truncate", truncate);
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

// Frequencies of each position: near ones, far ones.
std::vector<float> both(const Schedule& s, const Rope& r) {
    std::vector<float> f = s.weights[r.frequencies].computed;
    if (!r.long_table) f.insert(f.end(), f.begin(), f.begin() + long(f.size()));
    return f;
}

bool same_rotation(const Schedule& a, const Rope& x, const Schedule& b, const Rope& y) {
    if (x.kind != y.kind || x.rotary != y.rotary || x.ntk != y.ntk ||
        std::abs(x.factor - y.factor) > 1e-5f * x.factor || (x.ntk != 0 && x.original != y.original))
        return false;
    if (x.kind == RopeKind::none) return true;
    const auto f = both(a, x), g = both(b, y);
    if (f.size() != g.size()) return false;
    for (size_t i = 0; i < f.size(); ++i)
        if (std::abs(f[i] - g[i]) > 1e-5f * std::abs(f[i])) return false;
    return true;
}

// The rest of a schedule: no names of tensors, no rotations.
Schedule without_files(Schedule s) {
    for (WeightSlot& slot : s.weights) {
        slot.pieces.clear();
        slot.alternatives.clear();
        slot.computed.clear();
    }
    for (Stage& stage : s.stages)
        each_op(stage, [](Op& op) {
            if (auto* a = op.as<AttentionSpec>()) a->rope = {};
        });
    return s;
}

// Where two values first differ: "head_size is 64, not 32", or "bias is there" where only one has it.
std::string difference(const nlohmann::ordered_json& a, const nlohmann::ordered_json& b, const std::string& path) {
    if (a == b) return "";
    if (a.is_object() && b.is_object()) {
        for (const auto& [key, value] : a.items()) {
            const std::string at = path.empty() ? key : path + "." + key;
            if (const auto other = b.find(key); other == b.end())
                return at + " " + (value.is_structured() ? "is there" : "is " + value.dump());
            else if (const std::string found = difference(value, *other, at); !found.empty()) return found;
        }
        for (const auto& [key, value] : b.items())
            if (!a.contains(key))
                return (path.empty() ? key : path + "." + key) + " " +
                       (value.is_structured() ? "is not there" : "is not " + value.dump());
    }
    if (a.is_array() && b.is_array() && a.size() == b.size())
        for (size_t i = 0; i < a.size(); ++i)
            if (const std::string found = difference(a[i], b[i], path + "[" + std::to_string(i) + "]"); !found.empty())
                return found;
    return path + (a.is_structured() || b.is_structured() ? " differs" : " is " + a.dump() + ", not " + b.dump());
}

// The blocks of one layer as schedules write them, but for the names of weights.
nlohmann::ordered_json layer_json(Schedule s, size_t layer) {
    std::vector<Layer>& layers = decoder_of(s).layers;
    layers = {layers[layer]};
    order_weights(s);
    for (size_t i = 0; i < s.weights.size(); ++i) s.weights[i].name = "weight " + std::to_string(i);
    return to_json(s)["blocks"];
}

} // namespace

Result<std::vector<GgufFactors>> write_gguf_schedule(const Schedule& schedule, const JsonObject& config,
                                                     const GgufSide& side, GgufWriter& writer) {
    if (!is_decoder(schedule))
        return Error{ErrorCode::unsupported,
                     config.origin() + ": GGUF files are written of models that continue text alone",
                     {}};
    Metadata(schedule, side, writer).write();
    return write_rope(schedule, config, std::string(side.name) + ".", writer);
}

std::string schedule_difference(const Schedule& a, const Schedule& b) {
    if (!is_decoder(a) || !is_decoder(b)) return "what is not a decoder";
    const std::vector<Layer>&own = decoder_of(a).layers, &others = decoder_of(b).layers;
    if (own.size() != others.size()) return "the number of layers";
    for (size_t i = 0; i < own.size(); ++i) {
        const LayerOps x(own[i]), y(others[i]);
        if (bool(x.attention) == bool(y.attention) && x.attention &&
            !same_rotation(a, x.attention->rope, b, y.attention->rope))
            return "the rotary positions of layer " + std::to_string(i);
    }
    const Schedule x = without_files(a), y = without_files(b);
    if (hash_of(x) == hash_of(y)) return "";
    for (size_t i = 0; i < own.size(); ++i) {
        Schedule one = x;
        decoder_of(one).layers[i] = decoder_of(y).layers[i];
        if (hash_of(one) != hash_of(x))
            return "layer " + std::to_string(i) + ": " + difference(layer_json(x, i), layer_json(y, i), "");
    }
    return "the embedding, the head or the weights that there are";
}

} // namespace weft
