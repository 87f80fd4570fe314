// SPDX-License-Identifier: Apache-2.0
#include "layers/cross_attention.hpp"
#include "kernels/attention.hpp"
#include "kernels/qkv_append.hpp"
#include "layers/fields.hpp"
#include "layers/heads.hpp"
#include "layers/limits.hpp"
#include "layers/work.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {

weft_LISTED(CrossAttentionSpec, 7); // with its states
void CrossAttentionSpec::fields(Fields& f, const Widths& w) {
    f.value("memory", memory.name, std::string());
    f.rule(!memory.name.empty(), "memory", "be given: the name of what an earlier stage has left");
    f.size("heads", heads);
    f.size("kv_heads", memory.heads, heads);
    f.rule(memory.heads && heads % memory.heads == 0, "kv_heads", "divide heads");
    f.size("head_size", memory.head_size, uint32_t(w.model / std::max(1u, heads)));
    f.size("value_size", memory.value_size, memory.head_size);
    f.linear("q", q, w.input, uint64_t(heads) * memory.head_size);
    f.number("scale", scale, float(1 / std::sqrt(double(memory.head_size))), Reach::finite);
    f.linear("out", out, uint64_t(heads) * memory.value_size, w.model);
}

void CrossAttentionSpec::states(States& s) {
    s.refer(keys, memory.keys());
    s.refer(values, memory.values());
}

void CrossAttentionSpec::lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const {
    const uint32_t head = padded(memory.head_size), value = padded(memory.value_size);
    const kernel::Tensor narrow = c.rows(q.out, "q");
    lower_linear(c, q, x, {narrow});
    const kernel::Tensor y = c.rows(heads * value, "attention");
    kernel::attention(c.r, {.step = c.step,
                            .q = resized(c, narrow, heads, head),
                            .k_cache = c.state(keys),
                            .v_cache = c.state(values),
                            .y = y,
                            .heads = heads,
                            .kv_heads = memory.heads,
                            .head_size = head,
                            .value_size = value,
                            .scale = scale,
                            .causal = false,
                            .cross = true});
    lower_linear(c, out, resized(c, y, heads, memory.value_size), to);
}

// How long the memory is a step does not say: it counts as long as the sequence.
void CrossAttentionSpec::work(WorkCounter& w) const {
    const uint64_t length = w.step.memory, size = memory.head_size + memory.value_size;
    w.work.bytes += w.step.sequences * length * memory.bytes(w.step.kv);
    w.work.operations += w.step.tokens() * 2 * length * heads * size;
}

void CrossAttentionSpec::limits(Limits& l) const {
    l.range("the size of a head", memory.head_size, 1, kLargestHead);
    l.range("the size of a value head", memory.value_size, 1, kLargestHead);
}

std::string CrossAttentionSpec::words() const {
    return std::to_string(heads) + " heads, " + std::to_string(memory.head_size) + " wide, over " + memory.name;
}

weft_OP(CrossAttentionSpec);

} // namespace weft::detail
