// SPDX-License-Identifier: Apache-2.0
#include "schedule/plan.hpp"
#include "base/result.hpp"
#include "kernels/combine.hpp"
#include "kernels/embed.hpp"
#include "kernels/gather_rows.hpp"
#include "kernels/norm.hpp"
#include "kernels/sample.hpp"
#include "layers/context.hpp"
#include <algorithm>

namespace weft {
namespace {

using kernel::Extent;
using kernel::Quantity;
using vk::Tensor;

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
    Lowering(vk::Recorder& r, const Schedule& s, LayerContext& c, const SessionBuffers& b, const Bucket& bucket)
        : r_(r), s_(s), c_(c), b_(b), bucket_(bucket) {}

    void run() {
        history_ = r_.external(b_.history, DType::u32, {b_.slots, b_.history_capacity}, "history");
        // In decode, sampling (or begin_step) has written the token already.
        if (!bucket_.decode) kernel::remember(r_, c_.step, history_);
        const Tensor x = c_.rows(s_.width, "residual stream");
        kernel::embed(r_, {.ids = c_.step.ids,
                           .table = c_.weight(s_.embedding.table),
                           .positions = c_.step.positions,
                           .position_table = c_.weight(s_.embedding.positions),
                           .y = x,
                           .scale = s_.embedding.scale,
                           .position_offset = s_.embedding.position_offset});
        tap(0, x, Quantity::tokens);
        streams_.assign(1 + s_.streams.size(), {});
        streams_[kResidual] = x;
        for (StreamId id = 1; id < streams_.size(); ++id)
            if (s_.streams[id - 1].start == Stream::Start::input) copy(x, stream(id));
        for (size_t i = 0; i < s_.layers.size(); ++i) {
            r_.segment("layer " + std::to_string(i));
            for (const Block& block : s_.layers[i].blocks) lower_block(block);
            if (i + 1 < s_.layers.size()) tap(i + 1, streams_[kResidual], Quantity::tokens);
        }
        r_.segment("head");
        head();
    }

private:
    void copy(const Tensor& from, const Tensor& to) { kernel::combine(r_, {.x = from, .y = to}); }
    void tap(size_t index, const Tensor& t, Quantity rows) {
        if (!bucket_.taps) return;
        const uint32_t count = rows == Quantity::outputs ? bucket_.outputs : bucket_.tokens;
        const Tensor to = r_.external(b_.taps[index], DType::f32, {count, s_.width}, "tap " + std::to_string(index));
        kernel::combine(r_, {.x = t, .y = to, .rows = {1, rows}});
    }

    // A new value of a stream, which may be made while the old one is read.
    Tensor stream(StreamId id) {
        return streams_[id] = c_.rows(s_.width, id == kResidual ? "residual stream" : s_.streams[id - 1].name);
    }

    Tensor input_of(const Block& block) {
        const size_t count = block.read.size();
        const Tensor first = streams_[block.read[0]];
        if (count == 1) return first;
        if (block.join == Join::columns) {
            const Tensor all = c_.rows(uint32_t(count) * s_.width, "joined streams");
            for (size_t i = 0; i < count; ++i)
                copy(streams_[block.read[i]], all.slice_columns(uint32_t(i) * s_.width, s_.width));
            return all;
        }
        const Tensor sum = c_.rows(s_.width, "sum of streams");
        for (size_t i = 1; i < count; ++i)
            kernel::combine(r_, {.x = i == 1 ? first : sum, .z = streams_[block.read[i]], .y = sum});
        return sum;
    }

    void lower_block(const Block& block) {
        const Tensor input = input_of(block);
        // All inputs come before the first result, which may go into the stream that they are made from. Branches of
        // one scale share the norm.
        std::vector<std::pair<float, Tensor>> inputs;
        const auto input_for = [&](float in_scale) {
            for (const auto& [known, tensor] : inputs)
                if (known == in_scale) return tensor;
            Tensor made = input;
            if (block.pre || in_scale != 1) made = c_.rows(input.columns(), block.pre ? "normed" : "scaled");
            if (block.pre) lower_norm(c_, block.pre, input, made, in_scale);
            else if (in_scale != 1) kernel::combine(r_, {.x = input, .y = made, .alpha = in_scale});
            inputs.push_back({in_scale, made});
            return made;
        };
        for (const Branch& branch : block.branches) input_for(branch.in_scale);
        const Tensor base = base_of(block, input_for);
        // The result goes directly to where it is written, unless a norm stands between; and into the old value, unless
        // an op reads that itself.
        const bool in_place =
            block.base == Base::stream && (block.post || std::ranges::none_of(inputs, [&](const auto& made) {
                                               return made.second.resource == streams_[block.write].resource;
                                           }));
        const Tensor written = in_place ? streams_[block.write] : stream(block.write);
        const Destination whole{written, base, block.residual_scale};
        const Destination to = block.post ? Destination{c_.rows(s_.width, "block result"), {}, 1} : whole;
        for (size_t i = 0; i < block.branches.size(); ++i)
            lower_branch(block.branches[i], input_for(block.branches[i].in_scale),
                         {to.y, i == 0 ? to.residual : to.y, to.scale * block.branches[i].out_scale});
        if (block.post) lower_norm_to(block.post, to.y, whole);
        if (block.after) lower_norm(c_, block.after, written, written);
    }

    template <class InputFor>
    Tensor base_of(const Block& block, const InputFor& input_for) {
        if (block.base == Base::none) return {};
        if (block.base == Base::normed) return input_for(block.base_scale);
        const Tensor old = streams_[block.write];
        if (block.base_scale == 1) return old;
        const Tensor scaled = c_.rows(s_.width, "scaled stream");
        kernel::combine(r_, {.x = old, .y = scaled, .alpha = block.base_scale});
        return scaled;
    }

    void lower_branch(const Branch& branch, const Tensor& x, const Destination& to) {
        if (!branch.out_norm) return branch.op.lower(c_, x, to);
        const Tensor own = c_.rows(s_.width, "branch result");
        branch.op.lower(c_, x, {own});
        lower_norm_to(branch.out_norm, own, to);
    }

    // to.y = to.residual + to.scale * norm(x)
    void lower_norm_to(const Norm& norm, const Tensor& x, const Destination& to) {
        kernel::norm(r_, {.x = x,
                          .weight = c_.weight(norm.weight),
                          .bias = c_.weight(norm.bias),
                          .residual = to.residual,
                          .y = to.y,
                          .kind = norm.kind,
                          .eps = norm.eps,
                          .scale = to.scale});
    }

    void head() {
        const Tensor rows = r_.temporary(DType::f32, {bucket_.outputs, s_.width}, "output rows");
        const Extent outputs{1, Quantity::outputs};
        kernel::gather_rows(r_, {.x = streams_[kResidual], .index = c_.step.outputs, .y = rows, .rows = outputs});
        Tensor normed = rows;
        if (s_.head.norm) {
            normed = r_.temporary(DType::f32, {bucket_.outputs, s_.width}, "output normed");
            kernel::norm(r_, {.x = rows,
                              .weight = c_.weight(s_.head.norm.weight),
                              .bias = c_.weight(s_.head.norm.bias),
                              .y = normed,
                              .kind = s_.head.norm.kind,
                              .eps = s_.head.norm.eps,
                              .tokens = outputs});
        }
        tap(s_.layers.size(), normed, Quantity::outputs);
        const Tensor logits = r_.external(b_.logits, DType::f32, {bucket_.outputs, s_.vocabulary}, "logits");
        lower_product(c_, s_.head.linear.weight,
                      {.x = normed,
                       .bias = c_.weight(s_.head.linear.bias),
                       .y = logits,
                       .scale = s_.head.scale,
                       .softcap = s_.head.softcap,
                       .rows = outputs,
                       .max_rows = bucket_.outputs});
        if (bucket_.sampling) sample(logits);
    }

    void sample(const Tensor& logits) {
        r_.segment("sample");
        const Tensor sampler =
            r_.external(b_.sampler, DType::u32, {b_.slots, uint32_t(sizeof(kernel::SamplerRow) / 4)}, "sampler");
        const Tensor ring = r_.external(b_.ring, DType::u32, {b_.ring_capacity, bucket_.outputs}, "ring");
        kernel::sample(r_, {.step = c_.step, .logits = logits, .sampler = sampler, .history = history_, .ring = ring});
        kernel::advance(r_, c_.step, sampler, r_.external(b_.ends, DType::u32, {kMostEnds}, "end tokens"));
    }

    vk::Recorder& r_;
    const Schedule& s_;
    LayerContext& c_;
    const SessionBuffers& b_;
    const Bucket bucket_;
    std::vector<Tensor> streams_; // the present value of each
    Tensor history_;
};

} // namespace

uint64_t pack_temporaries(const vk::Program& program, std::vector<uint64_t>& offsets) {
    struct Life {
        uint32_t resource;
        size_t first, last;
        uint64_t bytes;
    };
    std::vector<Life> lives;
    std::vector<int> index(program.resources.size(), -1);
    for (size_t at = 0; at < program.calls.size(); ++at)
        for (const Tensor& t : program.calls[at].arguments) {
            if (!program.resources[t.resource].temporary) continue;
            int& i = index[t.resource];
            if (i < 0) {
                i = int(lives.size());
                const uint64_t bytes = program.resources[t.resource].bytes;
                lives.push_back({t.resource, at, at,
                                 (std::max<uint64_t>(bytes, 4) + Tensor::kAlignment - 1) / Tensor::kAlignment *
                                     Tensor::kAlignment});
            }
            lives[size_t(i)].last = at;
        }
    // Large ones first, each at the lowest place that is free for its whole life.
    std::sort(lives.begin(), lives.end(), [](const Life& a, const Life& b) {
        return a.bytes != b.bytes ? a.bytes > b.bytes : a.resource < b.resource;
    });
    offsets.assign(program.resources.size(), 0);
    uint64_t total = 0;
    // [begin, end) of what is placed, by the calls of its life: most lives are short.
    std::vector<std::vector<std::pair<uint64_t, uint64_t>>> taken_at(program.calls.size());
    for (const Life& life : lives) {
        std::vector<std::pair<uint64_t, uint64_t>> taken;
        for (size_t at = life.first; at <= life.last; ++at)
            taken.insert(taken.end(), taken_at[at].begin(), taken_at[at].end());
        std::sort(taken.begin(), taken.end());
        uint64_t offset = 0;
        for (const auto& [begin, end] : taken) {
            if (begin >= offset + life.bytes) break;
            offset = std::max(offset, end);
        }
        offsets[life.resource] = offset;
        total = std::max(total, offset + life.bytes);
        for (size_t at = life.first; at <= life.last; ++at) taken_at[at].push_back({offset, offset + life.bytes});
    }
    return total;
}

Result<Plan> make_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
                       const SessionBuffers& buffers, const std::vector<StateLayout>& states, const Bucket& bucket) {
    for (const StateLayout& state : states)
        if (!state_fits(device, state, buffers.slots))
            return Error{ErrorCode::unsupported,
                         "one state (" + state.name + ") is larger than a buffer of this device may be (" +
                             std::to_string(std::min(device.limits().storage_range, device.limits().allocation) >> 20) +
                             " MiB)",
                         {}};
    vk::Recorder r(device);
    r.set_most({1, bucket.tokens, bucket.sequences, bucket.outputs, bucket.tokens, buffers.history_capacity});
    r.set_grid_arguments(r.external(buffers.grid_arguments, DType::u32, {kGridRows, 4}, "grid arguments"));
    kernel::Step step;
    step.header = r.external(buffers.header, DType::u32, {16}, "step header");
    step.sequences = r.external(buffers.sequences, DType::u32, {bucket.sequences, 8}, "step sequences");
    step.ids = r.external(buffers.ids, DType::u32, {bucket.tokens}, "step ids");
    step.positions = r.external(buffers.positions, DType::u32, {bucket.tokens}, "step positions");
    step.token_sequence = r.external(buffers.token_sequence, DType::u32, {bucket.tokens}, "step token sequences");
    step.outputs = r.external(buffers.outputs, DType::u32, {bucket.outputs}, "step outputs");
    step.max_tokens = bucket.tokens;
    step.max_sequences = bucket.sequences;
    step.max_outputs = bucket.outputs;
    step.decode = bucket.decode;
    LayerContext c{r, step, {}, {}};
    for (size_t i = 0; i < weights.size(); ++i) {
        c.weights.emplace_back();
        for (const DeviceWeight::Part& part : weights[i].parts)
            c.weights.back().push_back(whole(r, part.slice, part.dtype, part.shape, schedule.weights[i].name));
    }
    for (size_t i = 0; i < states.size(); ++i) {
        std::vector<uint32_t> shape{buffers.slots};
        shape.insert(shape.end(), states[i].shape.begin(), states[i].shape.end());
        c.states.push_back(whole(r, buffers.states[i], states[i].dtype, shape, "state " + std::to_string(i)));
    }
    Lowering(r, schedule, c, buffers, bucket).run();
    Plan plan;
    weft_ASSIGN(plan.program, r.finish());
    if (plan.program.grid_rows.size() > kGridRows)
        return Error{ErrorCode::unsupported,
                     "the schedule has dispatches of " + std::to_string(plan.program.grid_rows.size()) +
                         " different sizes; a recording holds at most " + std::to_string(kGridRows),
                     {}};
    plan.activation_bytes = pack_temporaries(plan.program, plan.offsets);
    return plan;
}

} // namespace weft
