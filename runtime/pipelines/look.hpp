// SPDX-License-Identifier: Apache-2.0
// L6: what a model looks at in a picture: how much each patch counts in its last scan, or its last attention.
#pragma once
#include "io/model_files.hpp"
#include "schedule/schedule.hpp"
#include <weft/picture.hpp>

namespace weft::detail {

/// Where the numbers of a PictureMap come from.
struct Look {
    std::string what;  ///< PictureMap::what
    StageId stage = 0; ///< whose rows are the patches
    /// Softmax attention, whose q and k are columns of the output's rows. Without heads: what a scan adds to each row.
    uint32_t heads = 0, kv_heads = 0, head_size = 0, k_column = 0;
    float scale = 1;
    View view = {.order = View::Order::rows}; ///< whose sequences see each other
    uint32_t bias_side = 0;
    WeightId bias = kNoWeight;  ///< [heads, bias_side, bias_side], by distance (Swin)
    WeightId probe = kNoWeight; ///< the learned query of a model that pools its patches so (SigLIP), before `q`
    Linear q;

    static constexpr const char* kOutput = "look"; ///< the schedule's: a row for each row of the stage
};

/// Adds Look::kOutput to a task's schedule: of the last scan where there is one, else of what pools patches by
/// attention, else of the last layer with attention. Fails (unsupported) where patches meet in none of them.
Result<Look> add_look(Schedule& schedule);

/// What it needs of the weights beside the output.
struct LookWeights {
    std::vector<float> bias;  ///< [heads, side, side]
    std::vector<float> query; ///< [heads, head_size]
};
LookWeights read_look_weights(const Look& look, const Schedule& schedule, const ModelFiles& files);

/// A number for each patch of one picture, [down, across] of unpadded_rows(). `rows` are the output's; `patches` those
/// of the picture's own stage. Attention is the mean over heads of what the class token gives each patch; of models
/// without one, of what all patches give it on average. Of a scan it is the root mean square of what it adds.
std::vector<float> look_values(const Look& look, const LookWeights& weights, const Schedule& schedule,
                               PictureRows patches, std::span<const float> rows);

/// The middles of a stage's patches along an axis, in pixels of the picture that the model is given: of number i it is
/// first + i * step.
struct Places {
    double first = 0, step = 1;
};
Places places_down(const Schedule& schedule, StageId stage);
Places places_across(const Schedule& schedule, StageId stage);

} // namespace weft::detail
