// SPDX-License-Identifier: Apache-2.0
// L5: what an architecture says of GGUF files: names of weights, and keys, each once for reading and for writing.
#pragma once
#include "io/model_files.hpp"
#include "schedule/decoder.hpp"
#include <optional>
#include <variant>

namespace weft::detail {

/// A weight's name behind "layers.N." and what GGUF files have behind "blk.N.": modules, to
/// which .weight and .bias belong, or whole names. With a * both are from their beginning, and it is a layer's number.
struct GgufName {
    const char *module, *gguf;
};

/// What a schedule has to say under a key; nothing, or a value of the type that GGUF files have there.
using GgufSaid = std::variant<std::monostate, bool, uint32_t, float, std::vector<bool>, std::vector<int32_t>>;

/// A number or truth of the metadata under ARCHITECTURE.KEY. In a file that is read it becomes what a config calls
/// `name`, in one that is written it is what a schedule `says`.
struct GgufKey {
    const char* key;
    /// nullptr: written for readers that ask for it, or read by a side's complete() alone.
    const char* name = nullptr;
    GgufSaid (*says)(const Schedule& schedule) = nullptr; ///< nullptr: as all decoders have it, or not written
    /// What GGUF's reference implementation, llama.cpp, takes where a file has no such key; nothing: it must be there.
    /// That is never left to the config's class, whose defaults are for what config.json leaves out. An array of as
    /// many equal ones as there are layers stands for one.
    std::optional<Json> otherwise = std::nullopt;
};

/// The first op of a kind in a layer, in the layers of a schedule; nullptr if there is none.
template <class Spec>
const Spec* op_of(const Layer& layer) {
    for (const Block& block : layer.blocks)
        for (const Branch& branch : block.branches)
            if (const auto* op = branch.op.as<Spec>()) return op;
    return nullptr;
}
template <class Spec>
const Spec* first_op(const Schedule& schedule) {
    for (const Stage& stage : schedule.stages)
        for (const Layer& layer : stage.layers)
            if (const Spec* found = op_of<Spec>(layer)) return found;
    return nullptr;
}

template <class>
struct MemberOf;
template <class S, class T>
struct MemberOf<T S::*> {
    using Spec = S;
};
/// A member of the first op of its kind: said<&MambaSpec::rank>.
template <auto member>
GgufSaid said(const Schedule& schedule) {
    const auto* op = first_op<typename MemberOf<decltype(member)>::Spec>(schedule);
    return op ? GgufSaid(op->*member) : GgufSaid();
}
/// The same of what `get` makes of that op.
template <class Spec, auto get>
GgufSaid said_of(const Schedule& schedule) {
    const auto* op = first_op<Spec>(schedule);
    return op ? GgufSaid(get(*op)) : GgufSaid();
}
/// What all decoders have: the eps of the norm before the head.
GgufSaid said_epsilon(const Schedule& schedule);

/// A general.architecture of GGUF files, and the config that transformers would have for such a file: its model_type
/// says which architecture reads it. A slot holds the same numbers whether it comes from a directory or from a GGUF
/// file: what the converter does to them is undone where the slot is described.
struct GgufSide {
    const char *name, *model_type;
    std::vector<GgufKey> keys = {}; ///< beside those of all decoders, and before them where they are the same
    /// What follows from the keys and the tensors, and what the converter leaves out.
    Status (*complete)(const ModelFiles& files, Json& config) = nullptr;
    std::vector<GgufName> names = {}; ///< where they differ from what most have (models/gguf_names.cpp)
    bool drafts = false;              ///< it may have layers that draft further tokens (nextn_predict_layers)
    bool both_ways = false;           ///< its tokens see those behind them: attention.causal is false
    bool hybrid = false; ///< layers whose attention.head_count_kv is 0 are recurrent: layer_types says which
    bool folds = false;  ///< its files have no multipliers: they are in the weights (gguf_fold.hpp)
    GgufKey epsilon = {"attention.layer_norm_rms_epsilon", "rms_norm_eps", said_epsilon};
};

/// A clip.projector_type of GGUF files with a tower (mmproj), and the config that transformers would have for the
/// whole.
struct GgufTower {
    const char* type;
    const char* text_type; ///< the model_type of the text that it goes with; nullptr: of any that continues text
    /// Completes the `whole`, which has model_type, text_config, and in vision_config the sizes that all towers have,
    /// and says in the words of preprocessor_config.json how pictures are prepared.
    Status (*complete)(const ModelFiles& files, Json& whole, Json& preparing);
    std::vector<GgufName> names = {}; ///< of the whole, where they differ from what most have (models/gguf_tower.cpp)
};

/// The side that reads a GGUF file; nullptr if there is none.
const GgufSide* gguf_side(const ModelFiles& files);

} // namespace weft::detail
