// SPDX-License-Identifier: Apache-2.0
#include "layers/memory.hpp"
#include "kernels/cache_row.hpp"
#include "kernels/qkv_append.hpp"
#include "layers/fields.hpp"
#include "layers/heads.hpp"
#include "layers/limits.hpp"
#include "layers/work.hpp"

namespace weft::detail {

State MemoryShape::keys() const {
    return {"keys of " + name, State::Law::memory, DType::f32, true, {heads, padded(head_size)}};
}
State MemoryShape::values() const {
    return {"values of " + name, State::Law::memory, DType::f32, true, {heads, padded(value_size)}};
}

uint64_t MemoryShape::bytes(DType type) const {
    return heads *
           (kernel::cache_row(type, padded(head_size)).bytes() + kernel::cache_row(type, padded(value_size)).bytes());
}

weft_LISTED(MemorySpec, 4); // with its states
void MemorySpec::fields(Fields& f, const Widths& w) {
    f.value("memory", memory.name, std::string());
    f.rule(!memory.name.empty(), "memory", "be given: the name by which cross attention finds it");
    f.size("heads", memory.heads);
    f.size("head_size", memory.head_size);
    f.size("value_size", memory.value_size, memory.head_size);
    f.linear("kv", kv, w.input, uint64_t(memory.heads) * (memory.head_size + memory.value_size));
}

void MemorySpec::states(States& s) {
    s.declare(keys, memory.keys());
    s.declare(values, memory.values());
}

void MemorySpec::lower(LayerContext& c, const vk::Tensor& x, const Destination&) const {
    const kernel::Tensor all = c.rows(kv.out, "k, v");
    lower_linear(c, kv, x, {all});
    const uint32_t columns = memory.heads * memory.head_size;
    const uint32_t head = padded(memory.head_size), value = padded(memory.value_size);
    kernel::qkv_append(c.r, {.step = c.step,
                             .k = resized(c, all.slice_columns(0, columns), memory.heads, head),
                             .v = resized(c, all.slice_columns(columns, kv.out - columns), memory.heads, value),
                             .k_cache = c.state(keys),
                             .v_cache = c.state(values),
                             .heads = memory.heads,
                             .kv_heads = memory.heads,
                             .head_size = head,
                             .value_size = value});
}

void MemorySpec::work(WorkCounter& w) const { w.work.bytes += w.step.tokens() * memory.bytes(w.step.kv); }

void MemorySpec::limits(Limits& l) const {
    l.range("the size of a head", memory.head_size, 1, kLargestHead);
    l.range("the size of a value head", memory.value_size, 1, kLargestHead);
}

std::string MemorySpec::words() const {
    return memory.name + ", " + std::to_string(memory.heads) + " heads, " + std::to_string(memory.head_size) + " wide";
}

weft_OP(MemorySpec);

} // namespace weft::detail
