// SPDX-License-Identifier: Apache-2.0
#include "models/gguf_schedule.hpp"
#include "layers/attention.hpp"
#include "models/gguf_keys.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {
namespace {

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

bool same_rotations(const Schedule& a, const Layer& x, const Schedule& b, const Layer& y) {
    const auto *own = op_of<AttentionSpec>(x), *other = op_of<AttentionSpec>(y);
    return !own || !other || same_rotation(a, own->rope, b, other->rope);
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
    write_gguf_keys(schedule, side, writer);
    return write_gguf_rope(schedule, config, std::string(side.name) + ".", writer);
}

std::string schedule_difference(const Schedule& a, const Schedule& b) {
    if (!is_decoder(a) || !is_decoder(b)) return "what is not a decoder";
    const std::vector<Layer>&own = decoder_of(a).layers, &others = decoder_of(b).layers;
    if (own.size() != others.size()) return "the number of layers";
    for (size_t i = 0; i < own.size(); ++i)
        if (!same_rotations(a, own[i], b, others[i])) return "the rotary positions of layer " + std::to_string(i);
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

} // namespace weft::detail
