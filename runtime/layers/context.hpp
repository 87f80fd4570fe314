// SPDX-License-Identifier: Apache-2.0
// L3: what every op lowers into, and the lowering of the parts that many of them have.
#pragma once
#include "kernels/matmul.hpp"
#include "kernels/step.hpp"
#include "layers/spec.hpp"
#include "layers/state.hpp"
#include <functional>
#include <map>

namespace weft::detail {

/// A view's rows: u32 [T] each.
struct ViewRows {
    kernel::Tensor index;   ///< of each place of the view the row of the stage
    kernel::Tensor inverse; ///< of each row of the stage its place
    /// Of each place of an order the way that leads to it: 0 where it begins, or jumps, to the right 1, to the left 2,
    /// up 3, down 4.
    kernel::Tensor turns;
};

/// Lowering of one recording. Weights and states are resources of `r`, in the order of the schedule.
struct LayerContext {
    kernel::Recorder& r;
    kernel::Step step; ///< of the stage that is lowered now
    /// Each in one part or several, one below the other, of different types.
    std::vector<std::vector<kernel::Tensor>> weights;
    std::vector<kernel::Tensor> states;           ///< by StateId; [slots, ...StateLayout::shape]
    std::map<std::string, kernel::Tensor> inputs; ///< of the stage, u32 [T] each
    struct Pictures {
        kernel::Tensor values; ///< f32 [1, n]: of all pictures
        kernel::Tensor table;  ///< u32 [S, 4]: where a picture's values begin, height, width
        /// u32 [T]: the number of an extra row, or of patches how many extra rows there are; of series the channel of
        /// what comes before its patches, or of these kernel::kNowhere.
        kernel::Tensor kinds;
    };
    std::map<std::string, Pictures> pictures; ///< of the stage
    kernel::Tensor sides; ///< u32 [S, 2]: rows down and across of each picture; of stages whose rows have places in one
    struct Merged {
        kernel::Tensor x;                ///< the rows of the stage that is merged
        kernel::Tensor sequences, sides; ///< of its step, as kernel::UnfoldRowsArgs has them
        kernel::PatchCut cut;
    } merged; ///< of the stage, if its rows are merged
    /// From here on kernels run over the rows of one of the stage's views; 0: the stage's. Changes `step`.
    std::function<ViewRows(uint32_t)> enter;
    /// Where the step of a routed view is to be written, before enter(): kernel::RouteRowsArgs.
    struct Routed {
        kernel::Tensor header, sequences, rows;
    };
    std::function<Routed(uint32_t)> route;
    /// The rows that the stage has one for each sequence of. Between enter() and leave() calls run over them, and
    /// `step` is theirs.
    struct Source {
        kernel::Tensor x;
        std::function<void()> enter, leave;
    } source;
    /// u32 [T]: of rows that see some behind themselves, though attention is causal, the position behind the last one;
    /// of others 0. Of the stage; absent: none does.
    kernel::Tensor spans;
    kernel::Tensor places; ///< u32 [T]: of rows that stand for one of a memory which (kernel::kNoPlace); of the stage

    /// A weight that is always one: a vector, a matrix that the file has as one tensor.
    kernel::Tensor weight(WeightId id) const {
        if (id == kNoWeight) return {};
        weft_CHECK(weights.at(id).size() == 1, "only products take a weight in parts");
        return weights[id][0];
    }
    bool in_parts(WeightId id) const { return weights.at(id).size() > 1; }
    kernel::Tensor state(StateId id) const { return states.at(id); }
    kernel::Tensor input(const std::string& name) const { return inputs.at(name); }
    /// A temporary f32 [tokens of the bucket, columns].
    kernel::Tensor rows(uint32_t columns, const std::string& name) {
        return r.temporary(DType::f32, {step.max_tokens, columns}, name);
    }
};

/// Where a block's result goes: y = residual + scale * op(x). `residual` may be y itself, or absent.
struct Destination {
    kernel::Tensor y, residual;
    float scale = 1.0f;
};

/// y = scale * norm(x) over groups of `width` channels (0: all).
void lower_norm(LayerContext& c, const Norm& n, const kernel::Tensor& x, const kernel::Tensor& y, float scale = 1.0f,
                uint32_t width = 0);
/// A product with a weight: of several parts, each gives some columns of y. `args` are those
/// of one product, without the weight.
void lower_product(LayerContext& c, WeightId weight, const kernel::MatmulArgs& args);
/// to.y = to.residual + to.scale * act(x W^T + b); gated: W, in one part, holds gate rows,
/// then up rows, y = act(gate) * up.
void lower_linear(LayerContext& c, const Linear& l, const kernel::Tensor& x, const Destination& to,
                  kernel::Activation activation = kernel::Activation::none, bool gated = false);

} // namespace weft::detail
