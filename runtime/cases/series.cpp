// SPDX-License-Identifier: Apache-2.0
#include "cases/series.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::series {

size_t Options::offset(size_t i) const {
    size_t at = 5;
    for (size_t k = 0; k < i; ++k) at += 2 * size_t(series[k].channels) * series[k].length + 3;
    return at;
}

namespace {

void build(CaseContext& ctx, const Options& o) {
    SeriesArgs a;
    Sequences sequences;
    std::vector<float> values(o.offset(o.series.size()), std::nanf(""));
    std::vector<uint32_t> table, channels, columns;
    for (size_t i = 0; i < o.series.size(); ++i) {
        const auto [height, length] = o.series[i];
        sequences.push_back({uint32_t(i), height * o.columns(o.series[i]), 0});
        for (uint32_t c = 0; c < height; ++c)
            for (uint32_t w = 0; w < o.columns(o.series[i]); ++w) {
                channels.push_back(c);
                columns.push_back(w);
            }
        table.insert(table.end(), {uint32_t(o.offset(i)), height, length, ~0u});
        const size_t count = size_t(height) * length;
        const auto numbers = ctx.random().normals(count);
        for (size_t k = 0; k < count; ++k) {
            const bool seen = !(o.missing && k % o.missing == 1) && !(o.unobserved && k < length);
            values[o.offset(i) + k] = numbers[k] + o.mean;
            values[o.offset(i) + count + k] = seen ? 1.0f : 0.0f;
        }
    }
    const Step step = ctx.step(sequences, uint32_t(channels.size()) + 3);
    const uint32_t wide = o.patch + (o.sliced ? 7 : 0);
    channels.resize(step.max_tokens, 1u << 30);
    columns.resize(step.max_tokens, 1u << 30);
    table.resize(4 * size_t(step.max_sequences));
    a.values = ctx.input("values", DType::f32, {uint32_t(values.size())}, values);
    a.series = ctx.input_words("series", {step.max_sequences, 4}, table);
    a.token_sequence = step.token_sequence;
    a.channels = ctx.input_words("channels", {step.max_tokens}, channels);
    if (o.back) {
        a.x = ctx.input("x", DType::f32, {step.max_tokens, wide}, ctx.random().normals(size_t(step.max_tokens) * wide));
        if (o.sliced) a.x = a.x.slice_columns(3, o.patch);
    } else a.columns = ctx.input_words("columns", {step.max_tokens}, columns);
    a.y = ctx.output("y", DType::f32, {step.max_tokens, wide});
    if (o.sliced) a.y = a.y.slice_columns(3, o.patch);
    a.scale = o.scale;
    a.stride = o.stride;
    a.lead = o.lead;
    kernel::series(ctx.recorder(), a);
}

} // namespace

CaseTable<Options> table() {
    CaseTable<Options> table{"series", build, {}};
    const SeriesScale none{SeriesScaling::none, 0, 0}, mean{SeriesScaling::mean, 1e-10f, 0.5f};
    const auto add = [&](const std::string& name, const Options& o) {
        Case<Options> c{name, o};
        for (const Series& s : o.series)
            c.bytes += 8 * uint64_t(s.channels) * s.length + 4 * uint64_t(s.channels) * o.columns(s) * o.patch;
        table.cases.push_back(std::move(c));
    };
    add("tiny", {.series = {{1, 1}}});
    add("no series", {.series = {}, .patch = 4});
    add("patches side by side", {.series = {{3, 64}, {3, 64}}, .patch = 8, .stride = 8});
    add("some values before the first patch", {.series = {{5, 67}}, .patch = 8, .stride = 8});
    add("overlap", {.series = {{7, 130}, {2, 50}}, .patch = 16, .stride = 5});
    add("strides beyond the patch", {.series = {{2, 45}}, .patch = 3, .stride = 7});
    add("columns before the patches", {.series = {{3, 67}, {1, 40}}, .patch = 16, .stride = 6, .lead = 1});
    add("not scaled", {.series = {{3, 70}}, .patch = 9, .stride = 9, .scale = none});
    add("by means", {.series = {{3, 70}}, .patch = 9, .stride = 9, .scale = mean, .mean = 2});
    add("values that are missing", {.series = {{3, 70}, {2, 33}}, .patch = 9, .stride = 9, .missing = 3});
    add("by means, values missing", {.series = {{3, 70}}, .patch = 9, .stride = 9, .scale = mean, .missing = 2});
    add("nothing observed", {.series = {{3, 70}}, .patch = 9, .stride = 9, .unobserved = true});
    add("by means, nothing observed",
        {.series = {{3, 70}}, .patch = 9, .stride = 9, .scale = mean, .unobserved = true});
    add("far from zero", {.series = {{2, 500}}, .patch = 16, .stride = 16, .mean = 1e5f});
    add("column slice", {.series = {{3, 66}}, .patch = 5, .stride = 4, .sliced = true});
    add("back", {.series = {{3, 64}, {5, 31}}, .patch = 96, .back = true});
    add("back, column slices", {.series = {{3, 64}}, .patch = 7, .back = true, .sliced = true, .missing = 5});
    add("back, by means", {.series = {{3, 64}}, .patch = 7, .scale = mean, .back = true});
    add("back, not scaled", {.series = {{3, 64}}, .patch = 7, .scale = none, .back = true});
    add("real: seven channels of 512 values, patches of 12", {.series = {{7, 512}}, .patch = 12, .stride = 12});
    add("real: 321 channels of 336 values, patches of 16", {.series = {{321, 336}}, .patch = 16, .stride = 8});
    return table;
}

} // namespace weft::detail::kernel::cases::series
