// SPDX-License-Identifier: Apache-2.0
#include "cases/long_conv.hpp"
#include <cmath>

namespace weft::detail::kernel::cases::long_conv {
namespace {

void build(CaseContext& ctx, const Options& o) {
    Random& random = ctx.random();
    Sequences sequences;
    for (const uint32_t count : o.counts) sequences.push_back({uint32_t(sequences.size()), count, 0});
    LongConvArgs a;
    a.step = ctx.step(sequences, uint32_t(tokens_of(sequences)) + 3);
    const uint32_t rows = a.step.max_tokens;
    const auto input = [&](const std::string& name, uint32_t count, std::vector<float> values) {
        return ctx.input(name, DType::f32, {count, o.wide()}, std::move(values)).slice_columns(o.start(), o.channels);
    };
    const auto normals = [&] { return random.normals(size_t(rows) * o.wide(), o.deviation); };
    a.x = input("x", rows, normals());
    if (o.gates) {
        a.before = input("before", rows, normals());
        a.after = input("after", rows, normals());
    }
    std::vector<float> filter = random.normals(size_t(o.taps) * o.wide());
    for (size_t i = 0; i < filter.size(); ++i) filter[i] *= float(std::exp(-o.decay * double(i / o.wide()) / o.taps));
    a.filter = input("filter", o.taps, std::move(filter));
    if (o.skip) a.skip = ctx.input("skip", DType::f32, {o.channels}, random.normals(o.channels));
    a.y = ctx.output("y", DType::f32, {rows, o.wide()}).slice_columns(o.start(), o.channels);
    kernel::long_conv(ctx.recorder(), a, o.form);
}

std::vector<Case<Options>> make_list() {
    using enum LongConvForm;
    return {{"tiny", {{1}, 1, 1}},
            {"no sequences", {{}, 4, 8}},
            {"a few rows", {{7, 1, 12}, 5, 12}},
            {"a filter shorter than the rows, term by term", {{40, 3, 31}, 6, 9, true, true, direct}},
            {"bare", {{300, 17}, 4, 300, false, false}},
            {"term by term", {{200, 90, 1}, 6, 200, true, true, direct}},
            {"small blocks of several sequences", {{256, 1, 255, 257, 600}, 6, 700, true, true, small_blocks}},
            {"an odd number of channels, small blocks", {{1000}, 7, 1000, true, true, small_blocks}},
            {"a filter shorter than the rows, small blocks", {{900, 300}, 3, 311, true, true, small_blocks}},
            {"slices, small blocks", {{513}, 5, 600, true, true, small_blocks, true}},
            {"slices, term by term", {{33, 20}, 5, 40, true, true, direct, true}},
            {"large blocks, where the machine takes them", {{8200, 4097}, 3, 5000}},
            {"zeros", {{300}, 4, 300, true, true, small_blocks, false, 0}},
            {"large numbers", {{300}, 4, 300, true, true, small_blocks, false, 1e10}},
            {"a decaying filter", {{3000}, 4, 4096, true, true, chosen, false, 1, 20}},
            {"real: HyenaDNA, 1,024 rows", {{1024}, 128, 1026}},
            {"real: HyenaDNA, 8,192 rows", {{8192}, 64, 8192}},
            {"100,003 rows", {{100003}, 2, 100003, true, true, chosen, false, 1, 5}}};
}

} // namespace

CaseTable<Options> table() {
    CaseTable<Options> table{"long_conv", build, make_list()};
    for (auto& c : table.cases)
        for (const uint32_t count : c.options.counts) {
            const uint64_t values = uint64_t(c.options.channels) * count;
            c.bytes += values * (c.options.gates ? 16 : 8);
            c.operations += values * 64; // of transforms of 512
        }
    return table;
}

} // namespace weft::detail::kernel::cases::long_conv
