// SPDX-License-Identifier: Apache-2.0
#include "schedule/plan.hpp"
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
        x_ = c_.rows(s_.width, "residual stream");
        kernel::embed(r_, {.ids = c_.step.ids,
                           .table = c_.weight(s_.embedding.table),
                           .positions = c_.step.positions,
                           .position_table = c_.weight(s_.embedding.positions),
                           .y = x_,
                           .scale = s_.embedding.scale,
                           .position_offset = s_.embedding.position_offset});
        tap(0, x_, Quantity::tokens);
        if (needs_embedding()) {
            embedding_ = c_.rows(s_.width, "embedding");
            copy(x_, embedding_);
        }
        for (size_t i = 0; i < s_.layers.size(); ++i) {
            r_.segment("layer " + std::to_string(i));
            for (const SubBlock& block : s_.layers[i].blocks) lower_block(block);
            if (i + 1 < s_.layers.size()) tap(i + 1, x_, Quantity::tokens);
        }
        r_.segment("head");
        head();
    }

private:
    bool needs_embedding() const {
        for (const Layer& layer : s_.layers)
            for (const SubBlock& block : layer.blocks)
                if (block.input == BlockInput::residual_and_embedding) return true;
        return false;
    }
    void copy(const Tensor& from, const Tensor& to) { kernel::combine(r_, {.x = from, .y = to}); }
    void tap(size_t index, const Tensor& t, Quantity rows) {
        if (!bucket_.taps) return;
        const uint32_t count = rows == Quantity::outputs ? bucket_.outputs : bucket_.tokens;
        const Tensor to = r_.external(b_.taps[index], DType::f32, {count, s_.width}, "tap " + std::to_string(index));
        kernel::combine(r_, {.x = t, .y = to, .rows = {1, rows}});
    }

    Tensor block_input(const SubBlock& block) {
        switch (block.input) {
        case BlockInput::side: return side_;
        case BlockInput::residual_plus_side: {
            const Tensor sum = c_.rows(s_.width, "residual plus side");
            kernel::combine(r_, {.x = x_, .z = side_, .y = sum});
            return sum;
        }
        case BlockInput::residual_and_embedding: {
            const Tensor both = c_.rows(2 * s_.width, "residual and embedding");
            copy(x_, both.slice_columns(0, s_.width));
            copy(embedding_, both.slice_columns(s_.width, s_.width));
            return both;
        }
        default: return x_;
        }
    }

    void lower_block(const SubBlock& block) {
        const Tensor input = block_input(block);
        // The result first goes to `target`, directly into the residual stream unless a norm stands between.
        const bool residual = block.output == BlockOutput::add_to_residual;
        Tensor target = x_, base = x_;
        float scale = block.residual_scale;
        if (!residual) {
            side_ = c_.rows(s_.width, "side");
            target = side_;
            base = {};
        }
        const Tensor final_target = target;
        if (block.post) {
            target = c_.rows(s_.width, "block result");
            base = {};
            scale = 1;
        }
        // All inputs come before the first result, which may go into the residual stream that they are made from.
        // Branches of one scale share the norm.
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
        for (size_t i = 0; i < block.branches.size(); ++i) {
            const Branch& branch = block.branches[i];
            const Tensor normed = input_for(branch.in_scale);
            const Destination to{target, i == 0 ? base : target, scale * branch.out_scale};
            branch.op.lower(c_, normed, to);
        }
        if (block.post) {
            kernel::norm(r_, {.x = target,
                              .weight = c_.weight(block.post.weight),
                              .bias = c_.weight(block.post.bias),
                              .residual = residual ? x_ : Tensor{},
                              .y = final_target,
                              .kind = block.post.kind,
                              .eps = block.post.eps,
                              .scale = block.residual_scale});
        }
    }

    void head() {
        const Tensor rows = r_.temporary(DType::f32, {bucket_.outputs, s_.width}, "output rows");
        const Extent outputs{1, Quantity::outputs};
        kernel::gather_rows(r_, {.x = x_, .index = c_.step.outputs, .y = rows, .rows = outputs});
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
    Tensor x_, side_, embedding_, history_;
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

Plan make_plan(const vk::Device& device, const Schedule& schedule, const std::vector<DeviceWeight>& weights,
               const SessionBuffers& buffers, const std::vector<StateLayout>& states, const Bucket& bucket) {
    vk::Recorder r(device);
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
    plan.program = r.finish();
    plan.activation_bytes = pack_temporaries(plan.program, plan.offsets);
    return plan;
}

} // namespace weft
