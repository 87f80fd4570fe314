// SPDX-License-Identifier: Apache-2.0
#include "cases/route_rows.hpp"
#include "kernels/route_rows.hpp"
#include "reference/comparison.hpp"
#include "reference/route_rows.hpp"

namespace weft::detail::kernel::cases::route_rows {

void check(CaseContext& ctx, const Options& o, reference::Comparison& verdict) {
    const auto chosen = ctx.data("chosen");
    const auto rows = ctx.words("rows"), sequences = ctx.words("sequences"), header = ctx.words("header"),
               given = ctx.words("step sequences");
    auto counts = ctx.words("counts before");
    std::vector<reference::RoutedSequence> step;
    size_t row = 0;
    for (const auto& s : ctx.sequences()) {
        auto& own = step.emplace_back();
        own.past = s.past;
        own.before = s.past ? counts[size_t(s.slot) * o.capacity + s.past - 1] : 0;
        for (uint32_t i = 0; i < s.count; ++i) own.chosen.push_back(chosen[row++] != 0);
    }
    const reference::RoutedRows r = reference::route_rows(step);
    const size_t stride = rows.size() / 6, total = r.index.size();
    const auto part = [&](size_t i, size_t count) {
        return std::vector<uint32_t>(rows.begin() + long(i * stride), rows.begin() + long(i * stride + count));
    };
    std::vector<uint32_t> inverse(row, kNotRouted);
    for (uint32_t i = 0; i < total; ++i) inverse[r.index[i]] = i;
    std::vector<uint32_t> index = r.index; // the rest of the bucket: nobody's
    index.resize(chosen.size(), kNotRouted);
    verdict.same(part(0, chosen.size()), index, "index");
    verdict.same(part(1, row), inverse, "inverse");
    verdict.same(part(2, total), r.positions, "positions");
    verdict.same(part(3, total), r.owner, "sequences of rows");
    std::vector<uint32_t> lines;
    uint32_t used = 0, longest = 0, longest_total = 0;
    for (size_t s = 0, at = 0; s < step.size(); ++s) {
        const uint32_t end = s + 1 < step.size() ? r.firsts[s + 1] : uint32_t(total), count = end - r.firsts[s];
        for (size_t i = 0; i < step[s].chosen.size(); ++i, ++at)
            counts[size_t(ctx.sequences()[s].slot) * o.capacity + step[s].past + i] = r.counts[at];
        if (!count) continue;
        ++used;
        longest = std::max(longest, count);
        longest_total = std::max(longest_total, step[s].before + count);
        const auto word = [&](size_t i) { return given[s * 8 + i]; };
        lines.insert(lines.end(), {word(0), r.firsts[s], count, step[s].before, word(4), word(5), word(6), word(7)});
    }
    const auto all = uint32_t(sequences.size() / 8), last = uint32_t(chosen.size()) - 1;
    for (uint32_t s = used; s < all; ++s) lines.insert(lines.end(), {0, std::min(s, last), 0, 0, 0, 0, 0, 0});
    verdict.same(sequences, lines, "sequences");
    verdict.same(ctx.words("counts"), counts, "counts");
    verdict.same(std::vector<uint32_t>(header.begin() + 1, header.begin() + 6),
                 {uint32_t(total), used, uint32_t(total), longest, longest_total}, "header");
}

} // namespace weft::detail::kernel::cases::route_rows
