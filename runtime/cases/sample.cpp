// SPDX-License-Identifier: Apache-2.0
#include "cases/sample.hpp"
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>

namespace weft::detail::kernel::cases::sample {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Random& random = ctx.random();
    const uint32_t slots = 2 * o.sequences + 1;
    Sequences rows;
    for (uint32_t s = 0; s < o.sequences; ++s)
        rows.push_back({(2 * s + 1) % slots, o.several ? 1 + s % 4 : 1, s == 0 ? 0 : 7 * s + 30, 0});
    const Step step = ctx.step(rows, o.several ? 0 : o.sequences + 2);
    const uint32_t outputs = step.max_outputs, wide = o.vocabulary + (o.has(kSlice) ? 5 : 0);
    std::vector<float> logits = random.normals(size_t(outputs) * wide, o.magnitude);
    if (o.has(kEqual)) logits.assign(logits.size(), 1.5f);
    if (o.has(kStrange))
        for (size_t i = 0; i < logits.size(); i += 3) logits[i] = i % 2 ? -3e38f : i % 4 ? -INFINITY : 3e38f;
    if (o.has(kClusters)) // a tenth stands far above the others
        for (size_t i = 0; i < logits.size(); i += 10) logits[i] += 40;
    if (o.has(kBroken)) { // one logit, of a part of its own, in three of four rows
        const float values[] = {NAN, INFINITY, std::bit_cast<float>(0xff800001u)};
        for (uint32_t i = 0; i < outputs; ++i)
            if (i % 4) logits[size_t(i) * wide + o.start() + 531 * i % o.vocabulary] = values[i % 4 - 1];
    }
    if (o.has(kSlice)) // what lies beside the slice counts for nothing
        for (size_t i = 0; i < logits.size(); ++i)
            if (i % wide < o.start() || i % wide >= o.start() + o.vocabulary) logits[i] = NAN;
    if (o.has(kNothing)) logits.assign(logits.size(), -INFINITY);
    SampleArgs a;
    a.step = step;
    a.logits = ctx.input("logits", DType::f32, {outputs, wide}, logits);
    if (o.has(kSlice)) a.logits = a.logits.slice_columns(o.start(), o.vocabulary);
    std::vector<uint32_t> words(16 * slots, 0x7fc00000u); // NaN for slots that nobody has
    for (uint32_t s = 0; s < o.sequences; ++s) {
        SamplerRow row = o.samplers[s % o.samplers.size()];
        row.seed_low += s;
        if (o.has(kAllowedBits)) row.flags |= SamplerRow::kAllowed;
        std::memcpy(&words[16 * rows[s].slot], &row, sizeof row);
    }
    a.sampler = ctx.input_words("sampler", {slots, 16}, words);
    if (o.has(kHistory)) {
        std::vector<uint32_t> history(size_t(slots) * o.capacity);
        for (uint32_t& id : history)
            id = random.below(4) ? random.below(o.vocabulary) : random.below(std::min(o.vocabulary, 4u));
        a.history = ctx.input_words("history", {slots, o.capacity}, history);
        ctx.input_words("history before", {slots, o.capacity}, history);
    }
    if (o.has(kAllowedBits)) {
        std::vector<uint32_t> bits(size_t(slots) * ((o.vocabulary + 31) / 32));
        for (uint32_t& word : bits) word = random.below(65536) << 16 | random.below(65536);
        a.allowed = ctx.input_words("allowed", {slots, (o.vocabulary + 31) / 32}, bits);
    }
    a.ring = ctx.output("ring", DType::u32, {3, outputs});
    if (o.has(kProbabilities)) a.probabilities = ctx.output("probabilities", DType::f32, {outputs, o.vocabulary});
    kernel::sample(ctx.recorder(), a);
}

Case<Options> make(const std::string& name, uint32_t vocabulary, std::vector<SamplerRow> samplers, uint32_t sequences,
                   uint32_t extra, double magnitude = 3, uint32_t capacity = 40, bool several = false) {
    Case<Options> c{name, {vocabulary, samplers, sequences, extra, magnitude, capacity, several}};
    c.bytes = uint64_t(sequences) * vocabulary * 4;
    c.operations = uint64_t(sequences) * vocabulary * 2;
    return c;
}

SamplerRow with(float temperature, uint32_t top_k = 0, float top_p = 1, float min_p = 0) {
    SamplerRow row;
    row.flags = 0;
    row.temperature = temperature;
    row.top_k = top_k;
    row.top_p = top_p;
    row.min_p = min_p;
    row.seed_low = 1234;
    row.seed_high = 77;
    row.stream = 3;
    return row;
}

SamplerRow penalised(SamplerRow row, float repeat, uint32_t window = 0, float frequency = 0, float presence = 0,
                     uint32_t ngram = 0) {
    row.repeat_penalty = repeat;
    row.repeat_window = window;
    row.frequency_penalty = frequency;
    row.presence_penalty = presence;
    row.no_repeat_ngram = ngram;
    return row;
}

} // namespace

CaseTable<Options> table() {
    const SamplerRow greedy, plain = with(1), usual = with(0.8f, 40, 0.95f),
                             qwen = penalised(with(0.6f, 20, 0.95f, 0.02f), 1.05f);
    const uint32_t p = kProbabilities;
    return {
        "sample",
        build,
        {make("tiny", 1, {greedy, plain, usual}, 3, p),
         make("no sequences", 50, {usual}, 0, p),
         make("greedy, odd", 777, {greedy, with(0)}, 4, p),
         make("greedy ties", 1500, {greedy}, 2, p | kEqual),
         make("greedy ties, several parts a thread", 270000, {greedy}, 1, kEqual),
         make("temperatures", 1001, {plain, with(0.3f), with(1.8f), with(1e-4f)}, 8, p),
         make("without probabilities", 1001, {plain, usual, greedy}, 6, 0),
         make("top-k", 3000, {with(1, 1), with(1, 5), with(1, 300), with(1, 2999), with(1, 5000)}, 5, p),
         make("top-p", 3000,
              {with(1, 0, 0.9f), with(1, 0, 0.3f), with(2, 0, 0.99f), with(1, 0, 1e-6f), with(1, 0, 0.5f)}, 5, p),
         make("min-p", 3000, {with(1, 0, 1, 0.05f), with(1, 0, 1, 1), with(1.5f, 0, 1, 1e-4f)}, 6, p),
         make("all filters", 2049, {usual, qwen, with(1.3f, 100, 0.97f, 0.01f), with(1, 700, 0.99f, 0.001f)}, 8, p),
         make("filters, ties", 2000, {usual, with(1, 0, 0.5f), with(1, 10), with(1, 0, FLT_MIN)}, 4, p | kEqual),
         make("penalties", 600,
              {penalised(usual, 1.3f), penalised(plain, 1.1f, 10), penalised(greedy, 5),
               penalised(plain, 1, 0, 0.5f, 0.3f), penalised(with(1, 0, 0.9f), 0.8f, 3, 0.1f, -1)},
              10, p | kHistory, 3, 25),
         make("n-grams", 12,
              {penalised(plain, 1, 0, 0, 0, 2), penalised(usual, 1.2f, 0, 0, 0, 3), penalised(greedy, 1, 0, 0, 0, 1),
               penalised(plain, 1, 5, 0.2f, 0, 4)},
              12, p | kHistory, 3, 64),
         make("allowed tokens", 1030, {usual, plain, greedy, with(1, 0, 0.9f)}, 8, p | kAllowedBits),
         make("slice, several outputs a sequence", 555, {qwen, plain, greedy}, 6, p | kHistory | kSlice, 3, 40, true),
         make("two clusters", 3000, {with(1, 300), with(1, 299), with(1, 301), with(1, 0, 0.999f)}, 4, p | kClusters),
         make("flat", 5000, {with(1, 0, 0.5f), with(1, 1000, 0.5f)}, 4, p, 1e-3),
         make("nearly equal", 5000, {with(1, 0, 0.5f), with(1, 64)}, 4, p, 1e-7),
         make("peaked", 3000, {with(1, 0, 0.9f), with(0.1f, 20, 0.9f)}, 4, p, 60),
         make("infinity and huge ones", 900, {usual, plain, greedy, with(1, 0, 0.9f)}, 8, p | kStrange),
         make("not finite", 1500, {usual, plain, greedy, with(1, 0, 0.9f), qwen}, 13, p | kBroken),
         make("not finite, slice and history", 1500, {qwen, greedy, plain}, 8, p | kBroken | kSlice | kHistory),
         make("not finite, not allowed", 1030, {usual, plain, greedy}, 8, p | kBroken | kAllowedBits),
         make("nothing to choose", 900, {usual, plain, greedy, with(1, 0, 0.9f)}, 4, p | kNothing),
         make("all filters, large", 262144,
              {with(1, 40, 0.95f), with(0.7f, 0, 0.9f), with(1.5f, 0, 0.99f, 1e-3f), qwen}, 4, p | kHistory, 3, 1000),
         make("real, greedy", 32000, {greedy}, 1, 0),
         make("real, plain", 32000, {plain}, 1, 0),
         make("real, top-k and top-p", 151936, {usual}, 1, 0),
         make("real, top-p", 151936, {with(0.6f, 0, 0.9f)}, 1, 0),
         make("real, penalties", 151936, {qwen}, 1, kHistory, 3, 1024),
         make("large, greedy", 262144, {greedy}, 4, 0),
         make("large, plain", 262144, {plain}, 4, 0)}};
}

} // namespace weft::detail::kernel::cases::sample
