// SPDX-License-Identifier: Apache-2.0
#include "kernels/sample.hpp"
#include "advance.gen.hpp"
#include "remember.gen.hpp"
#include "sample.gen.hpp"
#include "sample_probabilities.gen.hpp"
#include "sample_scan.gen.hpp"
#include <algorithm>

namespace weft::detail::kernel {

namespace {
constexpr uint32_t kPart = 512; // tokens a workgroup of the first part takes
uint32_t parts_of(uint32_t vocabulary) { return (vocabulary + kPart - 1) / kPart; }
} // namespace

uint64_t sample_scratch(uint32_t vocabulary) { return 4 * (1 + uint64_t(parts_of(vocabulary)) * (1 + kPart / 4)); }

void sample(Recorder& r, const SampleArgs& a) {
    using Scan = shader::sample_scan;
    using K = shader::sample;
    const uint32_t vocabulary = a.logits.columns(), outputs = a.step.max_outputs, parts = parts_of(vocabulary);
    weft_CHECK(vocabulary > 0 && parts <= 768, "logits must have 1 to 393216 columns");
    weft_CHECK(a.logits.rows() >= outputs, "logits must have a row for every output");
    weft_CHECK(a.sampler.columns() == sizeof(SamplerRow) / 4 && a.sampler.contiguous(), "sampler must be [slots, 16]");
    weft_CHECK(!a.history ||
                   (a.history.contiguous() && a.history.columns() > 0 && a.history.rows() == a.sampler.rows()),
               "history must be [slots, capacity]");
    weft_CHECK(!a.ring || (a.ring.contiguous() && a.ring.columns() == outputs && a.ring.rows() > 0),
               "ring must be [rows, O]");
    weft_CHECK(!a.allowed || (a.allowed.contiguous() && a.allowed.columns() >= (vocabulary + 31) / 32),
               "allowed must have a bit for every token");
    weft_CHECK(!a.feed || a.step.ids.count() >= outputs, "ids must have room for every output");
    weft_CHECK(!a.probabilities || a.probabilities.columns() == vocabulary,
               "probabilities must have the columns of logits");
    const uint32_t capacity = a.history ? a.history.columns() : 1;
    // What the parts hand over: {slot, position, ..}, a summary a part, and the keys of
    // the logits if there is a filter.
    const Tensor scratch = r.temporary(DType::u32, {outputs, uint32_t(sample_scratch(vocabulary))}, "sample scratch");
    r.dispatch<Scan>(Scan::Variant::core,
                     {.PARTS = (a.history ? 1u : 0u) | (a.allowed ? 2u : 0u) | (a.probabilities ? 4u : 0u)},
                     {.logits = a.logits,
                      .outputs = a.step.outputs,
                      .token_sequence = a.step.token_sequence,
                      .sequences = a.step.sequences,
                      .settings = a.sampler,
                      .history = r.or_unused(a.history),
                      .allowed = r.or_unused(a.allowed),
                      .scratch = scratch},
                     {.vocabulary = vocabulary,
                      .parts = parts,
                      .stride = a.logits.stride,
                      .start = a.logits.start,
                      .capacity = capacity,
                      .allowed_words = a.allowed ? a.allowed.columns() : 0},
                     {.x = {parts * kPart / 4}, .y = {1, Quantity::outputs}});
    // Up to 32 subgroups, so that a lone workgroup hides the latency of memory; at most a lane for four logits. With
    // 1024 lanes some devices have 32 registers a lane, and the kernel needs twice as many.
    const Machine& machine = r.machine();
    uint32_t local = 128;
    while (local < 512 && 2 * local <= machine.invocations && 2 * local <= 32 * machine.lanes &&
           2 * local <= parts * kPart / 4)
        local *= 2;
    r.dispatch<K>(
        K::Variant::core,
        {.LOCAL = local, .PARTS = parts, .WANTED = (a.history ? 1u : 0u) | (a.ring ? 2u : 0u) | (a.feed ? 4u : 0u)},
        {.header = a.step.header,
         .settings = a.sampler,
         .scratch = scratch,
         .ids = r.or_unused(a.feed ? a.step.ids : Tensor{}),
         .ring = r.or_unused(a.ring),
         .history = r.or_unused(a.history)},
        {.capacity = capacity, .ring_rows = a.ring ? uint32_t(a.ring.rows()) : 1, .outputs = outputs},
        {.x = {local, Quantity::outputs}});
    if (!a.probabilities) return;
    using P = shader::sample_probabilities;
    r.dispatch<P>(
        P::Variant::core, {}, {.settings = a.sampler, .scratch = scratch, .probabilities = a.probabilities},
        {.vocabulary = vocabulary, .parts = parts, .stride = a.probabilities.stride, .start = a.probabilities.start},
        {.x = {128, Quantity::outputs}});
}

void remember(Recorder& r, const Step& step, const Tensor& history) {
    using K = shader::remember;
    weft_CHECK(history.contiguous() && history.columns() > 0, "history must be [slots, capacity]");
    r.dispatch<K>(K::Variant::core, {},
                  {.header = step.header,
                   .ids = step.ids,
                   .positions = step.positions,
                   .token_sequence = step.token_sequence,
                   .sequences = step.sequences,
                   .history = history},
                  {.tokens = step.max_tokens, .capacity = history.columns()}, {.x = {1, Quantity::tokens}});
}

void advance(Recorder& r, const Step& step, const Tensor& sampler, const Tensor& ends) {
    using K = shader::advance;
    weft_CHECK(step.positions.count() >= step.max_sequences && step.outputs.count() >= step.max_sequences,
               "the step must have room for a token of every sequence");
    weft_CHECK(bool(sampler) == bool(ends) &&
                   (!sampler || (sampler.columns() == sizeof(SamplerRow) / 4 && sampler.contiguous())),
               "end tokens need the sampler, [slots, 16]");
    weft_CHECK(step.ids.count() >= step.max_sequences, "ids must have room for every sequence");
    weft_CHECK(!step.axes ||
                   (step.axes.resource == step.positions.resource && step.axes.stride == step.positions.stride &&
                    step.positions.rows() == 1 + step.axes.rows()),
               "axes must be the rows behind the positions");
    r.dispatch<K>(K::Variant::core, {},
                  {.header = step.header,
                   .sequences = step.sequences,
                   .ids = step.ids,
                   .positions = step.positions,
                   .token_sequence = step.token_sequence,
                   .outputs = step.outputs,
                   .settings = r.or_unused(sampler),
                   .ends = r.or_unused(ends)},
                  {.sequences = step.max_sequences,
                   .ends = ends ? uint32_t(ends.count()) : 0,
                   .axes = step.axes ? uint32_t(step.axes.rows()) : 0,
                   .stride = step.axes.stride},
                  {.x = {64}});
}

} // namespace weft::detail::kernel
