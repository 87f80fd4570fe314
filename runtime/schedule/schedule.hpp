// SPDX-License-Identifier: Apache-2.0
// L4: Schedule: a model as data. What an architecture's file returns; what plan, record,
// inspect and weight loading read.
#pragma once
#include "layers/op.hpp"
#include "schedule/weight_slot.hpp"
#include <weft/error.hpp>

namespace weft {

/// A value [rows, width] that lives through a step. Stream 0 is the residual stream, "x", which a schedule does not
/// list; the others follow from 1.
struct Stream {
    enum class Start : uint32_t {
        nothing, ///< a block writes it before another reads it
        input,   ///< as the residual stream does: as what the first layer reads
    };
    std::string name;
    Start start = Start::nothing;
};
inline constexpr StreamId kResidual = 0;

/// One of the operations that a block runs on the same normed input.
struct Branch {
    Op op;
    float in_scale = 1, out_scale = 1;
    Norm out_norm = {}; ///< of its own result (Hymba)
};

/// How several streams are one input.
enum class Join : uint32_t { sum, columns };
/// What a block's result is added to: the stream that it writes, its own normed input (MiniMax), or nothing.
enum class Base : uint32_t { stream, normed, none };

/// {norm, op or parallel ops, norm, residual, norm}, with input = join(read):
/// write = after(base_scale * base + residual_scale * post(sum of out_scale * out_norm(op(in_scale * pre(input))))).
struct Block {
    std::vector<StreamId> read = {kResidual};
    Join join = Join::sum;
    Norm pre = {};
    std::vector<Branch> branches = {};
    Norm post = {}; ///< over the sum of the branches
    StreamId write = kResidual;
    Base base = Base::stream;
    float base_scale = 1, residual_scale = 1;
    Norm after = {}; ///< of what is written: post-norm models (BERT, BART)
};

/// Far more than any model has; without a limit a file of a few bytes would make weft allocate without end.
inline constexpr uint32_t kMostLayers = 2000;

struct Layer {
    std::vector<Block> blocks;
};

struct Embedding {
    WeightId table = kNoWeight;     ///< [vocabulary, width]
    WeightId positions = kNoWeight; ///< learned positions [rows, width]
    uint32_t position_offset = 0;
    float scale = 1;
};

struct Head {
    Norm norm;
    Linear linear; ///< [vocabulary, width]; may be the embedding table
    float scale = 1, softcap = 0;
};

struct Schedule {
    std::string architecture; ///< model_type
    uint32_t vocabulary = 0, width = 0;
    uint32_t trained_context = 0; ///< max_position_embeddings or the like; 0: unknown
    uint32_t position_limit = 0;  ///< tokens the model can address at all (learned positions); 0: no limit
    Embedding embedding;
    std::vector<Stream> streams; ///< beside the residual stream
    std::vector<Layer> layers;
    Head head;
    std::vector<WeightSlot> weights;
    std::vector<State> states;     ///< what its ops keep between steps: number_states()
    std::vector<NotRead> unneeded; ///< what files may have beside the weights
    int64_t begin_token = -1;      ///< what generation starts from with an empty prompt; -1: none

    /// Sizes that no kernel takes, one sentence each. Empty: it can run.
    std::vector<std::string> beyond_limits() const;
    uint64_t parameters() const;
};

/// Gives every op without a number for what it keeps a state of its own; every schedule that make_schedule or
/// schedule_from_json returns has them.
void number_states(Schedule& schedule);
/// The states that a block uses, each once.
std::vector<StateId> states_of(const Schedule& schedule, const Block& block);
std::vector<StateLayout> layouts_of(const std::vector<State>& states, const StateOptions& o);

/// beyond_limits() as an error (unsupported), and any number that is not what its field may be, such as an eps that is
/// negative or NaN (malformed); `origin` is the file that the schedule comes from.
Status check_limits(const Schedule& schedule, const std::string& origin);

} // namespace weft
