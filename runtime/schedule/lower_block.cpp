// SPDX-License-Identifier: Apache-2.0
#include "schedule/lower_block.hpp"
#include "kernels/combine.hpp"
#include "kernels/gather_rows.hpp"
#include "kernels/norm.hpp"
#include <algorithm>

namespace weft::detail {

using kernel::Tensor;

StreamLowering::StreamLowering(LayerContext& c, const Stage& stage, const Tensor& x, Place place)
    : c_(c), stage_(stage), place_(std::move(place)), values_(1 + stage.streams.size()) {
    values_[kResidual] = x;
}

void StreamLowering::start() {
    for (StreamId id = 1; id < values_.size(); ++id)
        if (stage_.streams[id - 1].start == Stream::Start::input) {
            values_[id] = c_.rows(stage_.width, stage_.streams[id - 1].name);
            copy(values_[kResidual], values_[id]);
        }
}

Tensor StreamLowering::value(StreamId id) const {
    if (!stage_.is_part(id)) return values_[id];
    return values_[kResidual].slice_columns(stage_.streams[id - 1].column, stage_.width_of(id));
}

void StreamLowering::copy(const Tensor& from, const Tensor& to) { kernel::combine(c_.r, {.x = from, .y = to}); }

// A new value of a stream, which may be made while the old one is read, but for a part of another.
Tensor StreamLowering::fresh(StreamId id, const Block& block) {
    if (stage_.is_part(id)) return value(id);
    Tensor value = place_(id, block);
    if (!value) value = c_.rows(stage_.width_of(id), id == kResidual ? "residual stream" : stage_.streams[id - 1].name);
    return values_[id] = value;
}

Tensor StreamLowering::input_of(const Block& block) {
    const size_t count = block.read.size();
    if (count == 0) return {};
    const Tensor first = value(block.read[0]);
    if (count == 1) return first;
    if (block.join == Join::columns) {
        uint32_t width = 0, at = 0;
        for (const StreamId id : block.read) width += stage_.width_of(id);
        const Tensor all = c_.rows(width, "joined streams");
        for (const StreamId id : block.read) {
            copy(value(id), all.slice_columns(at, stage_.width_of(id)));
            at += stage_.width_of(id);
        }
        return all;
    }
    const Tensor sum = c_.rows(first.columns(), "sum of streams");
    for (size_t i = 1; i < count; ++i)
        kernel::combine(c_.r, {.x = i == 1 ? first : sum, .z = value(block.read[i]), .y = sum});
    return sum;
}

void StreamLowering::lower(const Block& block) {
    if (block.branches[0].op.idle(c_)) return;
    const Tensor input = input_of(block);
    // All inputs come before the first result, which may go into the stream that they are made from. Branches of
    // one scale share the norm.
    std::vector<std::pair<float, Tensor>> inputs;
    const auto input_for = [&](float in_scale) {
        for (const auto& [known, tensor] : inputs)
            if (known == in_scale) return tensor;
        Tensor made = input;
        // A part is written where it lies: what an op reads of the same stream must not change under it.
        const bool over = stage_.is_part(block.write) && input && input.resource == values_[kResidual].resource;
        if (block.pre || in_scale != 1 || over) made = c_.rows(input.columns(), block.pre ? "normed" : "scaled");
        if (block.pre) lower_norm(c_, block.pre, input, made, in_scale);
        else if (in_scale != 1 || over) kernel::combine(c_.r, {.x = input, .y = made, .alpha = in_scale});
        inputs.push_back({in_scale, made});
        return made;
    };
    for (const Branch& branch : block.branches) input_for(branch.in_scale);
    normed_ = inputs[0].second;
    if (block.branches[0].op.sink()) {
        for (const Branch& branch : block.branches) branch.op.lower(c_, input_for(branch.in_scale), {});
        return;
    }
    const Tensor base = base_of(block, input_for);
    // The result goes directly to where it is written, unless a norm stands between; and into the old value, unless
    // an op reads that itself.
    const bool in_place =
        block.base == Base::stream && (block.post || std::ranges::none_of(inputs, [&](const auto& made) {
                                           return made.second.resource == value(block.write).resource;
                                       }));
    const Tensor written = in_place ? value(block.write) : fresh(block.write, block);
    const Destination whole{written, base, block.residual_scale};
    const Destination to =
        block.post ? Destination{c_.rows(stage_.width_of(block.write), "block result"), {}, 1} : whole;
    if (block.view) lower_in_view(block, input_for, to);
    for (size_t i = 0; !block.view && i < block.branches.size(); ++i)
        lower(block.branches[i], input_for(block.branches[i].in_scale),
              {to.y, i == 0 ? to.residual : to.y, to.scale * block.branches[i].out_scale});
    if (block.post) lower_norm_to(block.post, to.y, whole);
    if (block.after) lower_norm(c_, block.after, written, written);
}

void StreamLowering::pick(const Tensor& from, const Tensor& index, const Tensor& to) {
    kernel::gather_rows(c_.r, {.x = from, .index = index, .y = to, .rows = {1, kernel::Quantity::tokens}});
}

// The branches over the view's rows, and their sum back in the stage's.
template <class InputFor>
void StreamLowering::lower_in_view(const Block& block, const InputFor& input_for, const Destination& to) {
    std::vector<Tensor> inputs;
    for (const Branch& branch : block.branches) inputs.push_back(input_for(branch.in_scale));
    const ViewRows view = c_.enter(block.view);
    const uint32_t width = stage_.width_of(block.write);
    const Tensor sum = c_.rows(width, "result in a view");
    for (size_t i = 0; i < block.branches.size(); ++i) {
        const Tensor x = c_.rows(inputs[i].columns(), "rows of a view");
        pick(inputs[i], view.index, x);
        lower(block.branches[i], x, {sum, i == 0 ? Tensor{} : sum, block.branches[i].out_scale});
    }
    c_.enter(0);
    const Tensor back = c_.rows(width, "rows of a view, back");
    pick(sum, view.inverse, back);
    kernel::combine(c_.r, {.x = back, .w = to.residual, .y = to.y, .alpha = to.scale});
}

template <class InputFor>
Tensor StreamLowering::base_of(const Block& block, const InputFor& input_for) {
    if (block.base == Base::none) return {};
    if (block.base == Base::normed) return input_for(block.base_scale);
    const Tensor old = value(block.write);
    if (block.base_scale == 1) return old;
    const Tensor scaled = c_.rows(stage_.width_of(block.write), "scaled stream");
    kernel::combine(c_.r, {.x = old, .y = scaled, .alpha = block.base_scale});
    return scaled;
}

void StreamLowering::lower(const Branch& branch, const Tensor& x, const Destination& to) {
    if (!branch.out_norm) return branch.op.lower(c_, x, to);
    const Tensor own = c_.rows(to.y.columns(), "branch result");
    branch.op.lower(c_, x, {own});
    lower_norm_to(branch.out_norm, own, to);
}

// to.y = to.residual + to.scale * norm(x)
void StreamLowering::lower_norm_to(const Norm& norm, const Tensor& x, const Destination& to) {
    kernel::norm(c_.r, {.x = x,
                        .weight = c_.weight(norm.weight),
                        .bias = c_.weight(norm.bias),
                        .residual = to.residual,
                        .y = to.y,
                        .kind = norm.kind,
                        .eps = norm.eps,
                        .scale = to.scale});
}

} // namespace weft::detail
