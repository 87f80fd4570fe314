// SPDX-License-Identifier: Apache-2.0
#include "schedule/lower.hpp"
#include "kernels/combine.hpp"
#include "kernels/gather_rows.hpp"
#include "kernels/pool.hpp"
#include "kernels/route_rows.hpp"
#include "kernels/sample.hpp"
#include "schedule/decoder.hpp"
#include "schedule/lower_block.hpp"
#include <algorithm>
#include <map>
#include <set>

namespace weft::detail {
namespace {

using kernel::Step;
using kernel::Tensor;

Tensor whole(vk::Recorder& r, const vk::Slice& slice, DType dtype, const std::vector<uint32_t>& shape,
             const std::string& name) {
    switch (shape.size()) {
    case 1: return r.external(slice, dtype, {shape[0]}, name);
    case 2: return r.external(slice, dtype, {shape[0], shape[1]}, name);
    case 3: return r.external(slice, dtype, {shape[0], shape[1], shape[2]}, name);
    default: return r.external(slice, dtype, {shape[0], shape[1], shape[2], shape[3]}, name);
    }
}

class Lowering {
public:
    Lowering(vk::Recorder& r, const Schedule& s, const SessionBuffers& b, const Bucket& bucket)
        : r_(r), s_(s), b_(b), bucket_(bucket), c_{.r = r}, steps_(s.stages.size()), results_(s.stages.size()),
          taps_(taps_of(s, bucket.before)) {}

    void weights(const std::vector<DeviceWeight>& weights) {
        for (size_t i = 0; i < weights.size(); ++i) {
            c_.weights.emplace_back();
            for (const DeviceWeight::Part& part : weights[i].parts)
                c_.weights.back().push_back(whole(r_, part.slice, part.dtype, part.shape, s_.weights[i].name));
        }
    }
    void states(const std::vector<StateLayout>& states) {
        for (size_t i = 0; i < states.size(); ++i) {
            std::vector<uint32_t> shape{b_.rows_of(states[i])};
            shape.insert(shape.end(), states[i].shape.begin(), states[i].shape.end());
            c_.states.push_back(whole(r_, b_.states[i], states[i].dtype, shape, "state " + std::to_string(i)));
        }
    }

    void run() {
        const StageId generating = generating_stage(s_);
        const bool samples = bucket_.sampling && generating != kNoStage && bucket_.runs(s_.stages[generating]);
        for (StageId id = 0; id < s_.stages.size(); ++id)
            if (bucket_.runs(s_.stages[id])) {
                if (id == generating) remember_tokens(id);
                lower(id);
            }
        if (samples) sample(generating);
    }

private:
    // In decode, sampling (or begin_step) has written the token already.
    void remember_tokens(StageId id) {
        history_ = r_.external(b_.history, DType::u32, {b_.slots, b_.history_capacity}, "history");
        enter(id);
        if (!bucket_.decode) kernel::remember(r_, c_.step, history_);
    }

    // From here on kernels run over the rows of this stage.
    void enter(StageId id) {
        const uint32_t rows = bucket_.rows_of(s_, id);
        const StageId of = shares_step(id) ? s_.stages[id].rows.from : id;
        if (!steps_[of].header) steps_[of] = step_of(of);
        c_.step = steps_[of];
        const uint32_t total = s_.stages[of].rows.own() ? b_.history_capacity : rows;
        const bool exact = bucket_.decode && s_.stages[of].rows.own(); // see StepBlock::vacate
        r_.set_words(of * kernel::kHeaderWords, {{},
                                                 {rows, exact},
                                                 {bucket_.sequences, exact},
                                                 {bucket_.outputs, exact},
                                                 {exact ? 1 : rows, exact},
                                                 {total}});
        c_.inputs.clear();
        c_.pictures.clear();
        c_.places = {};
        c_.sides = sides(id);
        if (s_.stages[id].rows.placeholder >= 0)
            c_.places = r_.external(b_.steps[id].places, DType::u32, {rows}, "places of rows of a memory");
        c_.spans = {};
        if (s_.stages[id].rows.spans) c_.spans = r_.external(b_.steps[id].spans, DType::u32, {rows}, "ends of spans");
        for (size_t i = 0; i < s_.inputs.size(); ++i)
            if (s_.inputs[i].pictures() && s_.inputs[i].stage == pictured_stage(s_, id))
                c_.pictures[s_.inputs[i].name] = pictures(s_.inputs[i].stage, i);
            else if (s_.inputs[i].stage == id) c_.inputs[s_.inputs[i].name] = input(i);
    }
    // The rows of one of its views, or its own again.
    ViewRows enter(StageId id, ViewId view) {
        enter(id);
        if (!view) return {};
        const uint32_t number = step_of_view(s_, id, view), rows = c_.step.max_tokens;
        if (s_.stages[id].views[view - 1].order == View::Order::routed) return enter_routed(number);
        const StepBuffers& b = b_.steps[number];
        c_.step.header = header_of(number);
        c_.step.sequences = r_.external(b.sequences, DType::u32, {rows, 8}, "step sequences");
        c_.step.positions = r_.external(b.positions, DType::u32, {rows}, "step positions");
        c_.step.token_sequence = r_.external(b.token_sequence, DType::u32, {rows}, "step token sequences");
        c_.step.axes = {};
        c_.spans = {};
        c_.sides = {};
        const bool windows = s_.stages[id].views[view - 1].order == View::Order::windows;
        c_.step.max_sequences = windows ? rows : bucket_.sequences;
        r_.set_words(number * kernel::kHeaderWords, {{}, {rows}, {c_.step.max_sequences}, {rows}, {rows}, {rows}});
        return {r_.external(b.index, DType::u32, {rows}, "rows of a view"),
                r_.external(b.inverse, DType::u32, {rows}, "places in a view"),
                windows ? Tensor{} : r_.external(b.turns, DType::u32, {rows}, "ways through a view")};
    }
    // A view whose rows are chosen on the device: its step lives as long as the recording's temporaries do.
    LayerContext::Routed route(StageId id, ViewId view) {
        enter(id);
        const uint32_t number = step_of_view(s_, id, view), rows = c_.step.max_tokens;
        const auto parts = std::max(rows, bucket_.sequences);
        return routed_[number] = {header_of(number),
                                  r_.temporary(DType::u32, {bucket_.sequences, 8}, "sequences of chosen rows"),
                                  r_.temporary(DType::u32, {6, kernel::routed_stride(parts)}, "chosen rows")};
    }
    // The dispatches over it are as large as there are rows: their sizes are computed anew where the step is new.
    ViewRows enter_routed(uint32_t number) {
        const LayerContext::Routed& routed = routed_.at(number);
        const uint32_t rows = c_.step.max_tokens;
        const auto part = [&](uint32_t i) { return routed.rows.slice_rows(i, 1).reshape({routed.rows.columns()}); };
        c_.step.header = routed.header;
        c_.step.sequences = routed.sequences;
        c_.step.positions = part(2);
        c_.step.token_sequence = part(3);
        c_.step.outputs = {};
        c_.places = {};
        const uint32_t longest = bucket_.decode ? 1 : rows;
        r_.set_words(number * kernel::kHeaderWords,
                     {{}, {rows}, {bucket_.sequences}, {rows}, {longest}, {b_.history_capacity}});
        if (!sized_.insert(number).second) return {part(0), part(1), {}};
        kernel::grids(r_, r_.external(b_.headers, DType::u32, {step_count(s_) * kernel::kHeaderWords}, "step headers"),
                      r_.external(b_.grid_table, DType::u32, {kGridRows, 12}, "grid table"),
                      r_.external(b_.grid_arguments, DType::u32, {kGridRows, 4}, "grid arguments"), kGridRows);
        return {part(0), part(1), {}};
    }
    Tensor header_of(uint32_t number) {
        const vk::Slice header = b_.headers.part(uint64_t(number) * kernel::kHeaderWords * 4, kernel::kHeaderWords * 4);
        return r_.external(header, DType::u32, {16}, "step header");
    }
    LayerContext::Merged merged(StageId id) {
        const RowSpace& rows = s_.stages[id].rows;
        if (rows.of != RowSpace::Of::merged) return {};
        return {results_[rows.from][rows.stream].from_row(extra_rows(s_, rows.from)), steps_[rows.from].sequences,
                sides(rows.from), rows.cut()};
    }
    Tensor sides(StageId id) {
        if (!s_.stages[id].rows.placed()) return {};
        return r_.external(b_.steps[id].sides, DType::u32, {bucket_.sequences, 2}, "sides of pictures");
    }
    LayerContext::Source source(StageId id) {
        const RowSpace& rows = s_.stages[id].rows;
        if (!rows.each_sequence()) return {};
        return {results_[rows.from][rows.stream], [this, from = rows.from] { enter(from); }, [this, id] { enter(id); }};
    }
    // With one new token a sequence, all that a stage can pick of another's rows is those rows.
    bool shares_step(StageId id) const { return bucket_.decode && s_.stages[id].rows.picked(); }

    Tensor input(size_t i) { return r_.external(b_.inputs[i], DType::u32, {bucket_.tokens}, s_.inputs[i].name); }

    LayerContext::Pictures pictures(StageId id, size_t i) {
        const StepBuffers& b = b_.steps[id];
        const uint32_t tokens = bucket_.tokens;
        const auto numbers = uint32_t(s_.inputs[i].grid.numbers(tokens));
        return {r_.external(b_.inputs[i], DType::f32, {1, numbers}, s_.inputs[i].name),
                r_.external(b.pictures, DType::u32, {bucket_.sequences, 4}, "pictures"),
                r_.external(b.kinds, DType::u32, {tokens}, "kinds of patches")};
    }

    Step step_of(StageId id) {
        const Stage& stage = s_.stages[id];
        const StepBuffers& b = b_.steps[id];
        const uint32_t rows = bucket_.rows_of(s_, id);
        Step step;
        step.header = header_of(id);
        step.sequences = r_.external(b.sequences, DType::u32, {bucket_.sequences, 8}, "step sequences");
        if (const uint32_t axes = stage.rows.all_axes(); axes > 1) {
            step.positions = r_.external(b.positions, DType::u32, {1 + axes, position_stride(rows)}, "step positions");
            step.axes = step.positions.slice_rows(1, axes);
        } else step.positions = r_.external(b.positions, DType::u32, {rows}, "step positions");
        step.token_sequence = r_.external(b.token_sequence, DType::u32, {rows}, "step token sequences");
        step.max_tokens = rows;
        step.max_sequences = bucket_.sequences;
        step.max_outputs = bucket_.outputs;
        step.decode = bucket_.decode;
        for (size_t i = 0; i < s_.inputs.size(); ++i)
            if (s_.inputs[i].stage == id && s_.inputs[i].name == stage.rows.input && !s_.inputs[i].pictures())
                step.ids = input(i);
        for (StageId other = id + 1; other < s_.stages.size() && !step.outputs; ++other)
            if (s_.stages[other].rows.of == RowSpace::Of::wanted && s_.stages[other].rows.from == id)
                step.outputs = r_.external(b_.steps[other].index, DType::u32, {bucket_.outputs}, "step outputs");
        return step;
    }

    // The rows that another stage has left; zeros where none is asked for.
    Tensor taken(StageId id) {
        const Stage& stage = s_.stages[id];
        if (!stage.rows.taken()) return {};
        const Tensor x = results_[stage.rows.from][stage.rows.stream];
        bool kept = true;
        each_block(stage, [&](const Block& block) { kept &= block.write != kResidual && !stage.is_part(block.write); });
        if (shares_step(id) && kept) return x;
        const Tensor rows = c_.rows(stage.width, "rows of " + s_.stages[stage.rows.from].name);
        if (stage.rows.of == RowSpace::Of::mean && !shares_step(id)) {
            enter(stage.rows.from); // whose tokens are counted
            kernel::pool(r_, {.step = c_.step, .x = x, .y = rows});
            enter(id);
        } else if (shares_step(id)) kernel::combine(r_, {.x = x, .y = rows});
        else
            kernel::gather_rows(
                r_, {.x = x,
                     .index = r_.external(b_.steps[id].index, DType::u32, {bucket_.rows_of(s_, id)}, "wanted rows"),
                     .y = rows,
                     .rows = {1, kernel::Quantity::tokens}});
        return rows;
    }

    void lower(StageId id) {
        const Stage& stage = s_.stages[id];
        if (std::exchange(begun_, true)) r_.segment(stage.name);
        enter(id);
        c_.merged = merged(id);
        c_.source = source(id);
        c_.enter = [this, id](ViewId view) { return enter(id, view); };
        c_.route = [this, id](ViewId view) { return route(id, view); };
        StreamLowering streams(c_, s_, stage, taken(id),
                               [&](StreamId stream, const Block& block) { return output_of(id, stream, block); });
        for (const Block& block : stage.first) streams.lower(block);
        if (stage.rows.of == RowSpace::Of::wanted && !stage.first.empty() && stage.first[0].pre)
            tap_last(stage.rows.from, streams.normed());
        if (!stage.layers.empty()) tap(id, 0, streams.value(kResidual));
        streams.start();
        for (uint32_t i = 0; i < stage.layers.size(); ++i) {
            r_.segment((stage.name == kDecoder ? "" : stage.name + ", ") + "layer " + std::to_string(i));
            for (const Block& block : stage.layers[i].blocks) streams.lower(block);
            const uint32_t behind = i + 1 < stage.layers.size() ? i + 1 : i + 2; // of the last there are two
            tap(id, behind, streams.value(kResidual));
        }
        if (!stage.last.empty()) r_.segment("last");
        for (const Block& block : stage.last) streams.lower(block);
        if (!stage.layers.empty() && !normed_later(id)) tap_last(id, streams.value(kResidual));
        for (StreamId stream = 0; stream <= stage.streams.size(); ++stream)
            results_[id].push_back(streams.value(stream));
        for (size_t i = 0; i < s_.outputs.size(); ++i)
            if (s_.outputs[i].stage == id) finish(i, streams.value(s_.outputs[i].stream));
    }

    // Whether a head norms this stage's rows: then the last tap is taken there.
    bool normed_later(StageId id) const {
        return std::ranges::any_of(s_.stages, [&](const Stage& other) {
            return other.rows.of == RowSpace::Of::wanted && other.rows.from == id && !other.first.empty() &&
                   other.first[0].pre;
        });
    }
    void tap_last(StageId id, const Tensor& x) { tap(id, uint32_t(s_.stages[id].layers.size()), x); }
    void tap(StageId id, uint32_t index, const Tensor& x) {
        if (!bucket_.taps) return;
        for (size_t i = 0; i < taps_.size(); ++i)
            if (taps_[i].stage == id && taps_[i].index == index)
                kernel::combine(r_, {.x = x,
                                     .y = r_.external(b_.taps[i], DType::f32, {c_.step.max_tokens, x.columns()},
                                                      "tap " + std::to_string(i))});
    }

    // Outputs are written where they are to lie by the last block that writes their stream.
    Tensor output_of(StageId id, StreamId stream, const Block& block) {
        for (size_t i = 0; i < s_.outputs.size(); ++i) {
            if (s_.outputs[i].stage != id || s_.outputs[i].stream != stream) continue;
            const Block* last = nullptr;
            each_block(s_.stages[id], [&](const Block& other) {
                if (other.write == stream) last = &other;
            });
            if (last == &block) return output(i);
        }
        return {};
    }
    Tensor output(size_t i) {
        const Stage& stage = s_.stages[s_.outputs[i].stage];
        outputs_.resize(s_.outputs.size());
        if (!outputs_[i])
            outputs_[i] = r_.external(b_.outputs[i], DType::f32,
                                      {bucket_.rows_of(s_, s_.outputs[i].stage), stage.width_of(s_.outputs[i].stream)},
                                      s_.outputs[i].name);
        return outputs_[i];
    }
    void finish(size_t i, const Tensor& value) {
        if (value.resource != output(i).resource) kernel::combine(r_, {.x = value, .y = output(i)});
    }

    void sample(StageId id) {
        r_.segment("sample");
        enter(id);
        const Tensor sampler =
            r_.external(b_.sampler, DType::u32, {b_.slots, uint32_t(sizeof(kernel::SamplerRow) / 4)}, "sampler");
        const Tensor ring = r_.external(b_.ring, DType::u32, {b_.ring_capacity, bucket_.outputs}, "ring");
        kernel::sample(r_, {.step = c_.step,
                            .logits = output(weft::detail::output_of(s_, kLogits)),
                            .sampler = sampler,
                            .history = history_,
                            .ring = ring});
        kernel::advance(r_, c_.step, sampler, r_.external(b_.ends, DType::u32, {kMostEnds}, "end tokens"));
    }

    vk::Recorder& r_;
    const Schedule& s_;
    const SessionBuffers& b_;
    const Bucket bucket_;
    LayerContext c_;
    std::vector<Step> steps_;                         // by StageId
    std::vector<std::vector<Tensor>> results_;        // the streams that each stage leaves
    std::map<uint32_t, LayerContext::Routed> routed_; // by their steps' numbers
    std::set<uint32_t> sized_;                        // of them those that dispatches follow
    std::vector<Tensor> outputs_;
    const std::vector<Tap> taps_;
    Tensor history_;
    bool begun_ = false;
};

} // namespace

void lower(vk::Recorder& r, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
           const SessionBuffers& buffers, const std::vector<StateLayout>& states, const Bucket& bucket) {
    Lowering lowering(r, schedule, buffers, bucket);
    lowering.weights(weights);
    lowering.states(states);
    lowering.run();
}

} // namespace weft::detail
