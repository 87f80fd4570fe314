// SPDX-License-Identifier: Apache-2.0
#include "schedule/lower_block.hpp"
#include "kernels/carry_state.hpp"
#include "kernels/combine.hpp"
#include "kernels/gather_rows.hpp"
#include "kernels/norm.hpp"
#include <algorithm>

namespace weft::detail {

using kernel::Tensor;

StreamLowering::StreamLowering(LayerContext& c, const Schedule& schedule, const Stage& stage, const Tensor& x,
                               Place place)
    : c_(c), schedule_(schedule), stage_(stage), place_(std::move(place)), values_(1 + stage.streams.size()) {
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

// In a view its rows.
Tensor StreamLowering::input_of(const Block& block, const ViewRows& view) {
    const size_t count = block.read.size();
    if (count == 0) return {};
    std::vector<Tensor> read;
    for (const StreamId id : block.read)
        read.push_back(block.view ? picked(value(id), view.index, "rows of a view") : value(id));
    if (count == 1) return read[0];
    if (block.join == Join::columns) {
        uint32_t width = 0, at = 0;
        for (const StreamId id : block.read) width += stage_.width_of(id);
        const Tensor all = c_.rows(width, "joined streams");
        for (const Tensor& part : read) {
            copy(part, all.slice_columns(at, part.columns()));
            at += part.columns();
        }
        return all;
    }
    const Tensor sum = c_.rows(read[0].columns(), "sum of streams");
    for (size_t i = 1; i < count; ++i) kernel::combine(c_.r, {.x = i == 1 ? read[0] : sum, .z = read[i], .y = sum});
    return sum;
}

void StreamLowering::lower(const Block& block) {
    if (block.branches[0].op.idle(c_)) return;
    const ViewRows view = block.view ? c_.enter(block.view) : ViewRows{};
    const Tensor input = input_of(block, view);
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
    Tensor base = block.base == Base::normed ? input_for(block.base_scale) : Tensor{};
    Tensor result; // of all rows, where it cannot go directly to where it is written
    if (block.view) {
        result = lower_in_view(block, input_for);
        c_.enter(0);
        if (stage_.views[block.view - 1].order == View::Order::routed) carry_states(block, view);
        if (base) base = picked(base, view.inverse, "rows of a view, back");
    }
    if (block.base == Base::stream) base = old_value(block);
    // The result goes directly to where it is written, unless a norm stands between; and into the old value, unless
    // an op reads that itself.
    const bool in_place =
        block.base == Base::stream && (block.post || std::ranges::none_of(inputs, [&](const auto& made) {
                                           return made.second.resource == value(block.write).resource;
                                       }));
    const Tensor written = in_place ? value(block.write) : fresh(block.write, block);
    const Destination whole{written, base, block.residual_scale};
    if (block.view) {
        const bool alone = !base && block.residual_scale == 1 && !block.row_scale;
        if (alone) pick(result, view.inverse, written);
        else result = picked(result, view.inverse, "rows of a view, back");
        if (!alone) add(result, block.row_scale, whole);
    } else {
        if (block.post || block.row_scale) result = c_.rows(stage_.width_of(block.write), "block result");
        lower_branches(block, input_for, result ? Destination{result, {}, 1} : whole);
        if (block.post) lower_norm_to(block.post, result, block.row_scale ? Destination{result, {}, 1} : whole);
        if (block.row_scale) add(result, block.row_scale, whole);
    }
    if (block.after) lower_norm(c_, block.after, written, written);
}

void StreamLowering::pick(const Tensor& from, const Tensor& index, const Tensor& to) {
    kernel::gather_rows(c_.r, {.x = from, .index = index, .y = to, .rows = {1, kernel::Quantity::tokens}});
}

Tensor StreamLowering::picked(const Tensor& from, const Tensor& index, const char* name) {
    const Tensor to = c_.rows(from.columns(), name);
    pick(from, index, to);
    return to;
}

// to.y = to.residual + to.scale * x, times the stream of numbers for rows if there is one.
void StreamLowering::add(const Tensor& x, StreamId row_scale, const Destination& to) {
    if (!row_scale) return kernel::combine(c_.r, {.x = x, .w = to.residual, .y = to.y, .alpha = to.scale});
    kernel::combine(
        c_.r, {.z = x, .gate = value(row_scale), .plain_gate = true, .w = to.residual, .y = to.y, .beta = to.scale});
}

template <class InputFor>
void StreamLowering::lower_branches(const Block& block, const InputFor& input_for, const Destination& to) {
    for (size_t i = 0; i < block.branches.size(); ++i)
        lower(block.branches[i], input_for(block.branches[i].in_scale),
              {to.y, i == 0 ? to.residual : to.y, to.scale * block.branches[i].out_scale});
}

// Their sum over the view's rows, normed.
template <class InputFor>
Tensor StreamLowering::lower_in_view(const Block& block, const InputFor& input_for) {
    const Tensor sum = c_.rows(stage_.width_of(block.write), "result in a view");
    lower_branches(block, input_for, {sum, {}, 1});
    if (block.post) lower_norm(c_, block.post, sum, sum);
    return sum;
}

void StreamLowering::carry_states(const Block& block, const ViewRows& view) {
    for (const StateId id : states_of(schedule_, block))
        if (schedule_.states[id].law == State::Law::constant)
            kernel::carry_state(c_.r, {.step = c_.step, .inverse = view.inverse, .state = c_.state(id)});
}

Tensor StreamLowering::old_value(const Block& block) {
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
