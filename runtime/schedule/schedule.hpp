// SPDX-License-Identifier: Apache-2.0
// L4: Schedule: a model as data. What an architecture's file returns; what plan, record,
// inspect and weight loading read.
#pragma once
#include "layers/op.hpp"
#include "schedule/weight_slot.hpp"
#include <weft/error.hpp>

namespace weft {

/// One of the operations that a sub-block runs on the same normed input.
struct Branch {
    Op op;
    float in_scale = 1, out_scale = 1;
};

/// What a sub-block reads. `side` is a second value beside the residual stream (Zamba2's shared block writes it).
enum class BlockInput : uint32_t { residual, residual_and_embedding, side, residual_plus_side };
enum class BlockOutput : uint32_t { add_to_residual, side };

/// {norm, op or parallel ops, norm, residual}: target = target + residual_scale * post(sum of
/// out_scale * op(in_scale * pre(input))).
struct SubBlock {
    BlockInput input = BlockInput::residual;
    Norm pre;
    std::vector<Branch> branches;
    Norm post; ///< over the sum of the branches
    float residual_scale = 1;
    BlockOutput output = BlockOutput::add_to_residual;
};

/// Far more than any model has; without a limit a file of a few bytes would make weft allocate without end.
inline constexpr uint32_t kMostLayers = 2000;

struct Layer {
    std::vector<SubBlock> blocks;
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
std::vector<StateId> states_of(const Schedule& schedule, const SubBlock& block);
std::vector<StateLayout> layouts_of(const std::vector<State>& states, const StateOptions& o);

/// beyond_limits() as an error (unsupported), and any number that is not what its field may be, such as an eps that is
/// negative or NaN (malformed); `origin` is the file that the schedule comes from.
Status check_limits(const Schedule& schedule, const std::string& origin);

} // namespace weft
