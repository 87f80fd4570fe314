// SPDX-License-Identifier: Apache-2.0
#include "cases/score.hpp"
#include "kernels/sample.hpp"
#include "kernels/score.hpp"
#include <limits>

namespace weft::detail::kernel::cases::score {
namespace {

void build(CaseContext& ctx, const Options& o) {
    auto x = ctx.random().normals(size_t(o.rows) * o.wide(), o.deviation);
    for (float& v : x) v += float(o.mean);
    std::vector<uint32_t> ids(o.rows);
    for (uint32_t row = 0; row < o.rows; ++row) ids[row] = (row * 2654435761u + 7) % o.vocabulary;
    if (o.not_finite) {
        constexpr float inf = std::numeric_limits<float>::infinity();
        const auto at = [&](uint32_t row, uint32_t column) -> float& {
            return x[size_t(row) * o.wide() + o.first() + column];
        };
        for (uint32_t row = 0; row < o.rows; ++row) {
            const uint32_t place = (ids[row] + 1 + row) % o.vocabulary;
            if (row % 6 == 0) at(row, place) = -inf;
            if (row % 6 == 1) at(row, place) = std::numeric_limits<float>::quiet_NaN();
            if (row % 6 == 2) at(row, place) = inf;
            if (row % 6 == 3) at(row, ids[row]) = -inf;
            if (row % 6 == 4)
                for (uint32_t v = 0; v < o.vocabulary; ++v) at(row, v) = -inf;
        }
    }
    if (o.holes)
        for (uint32_t row = 0; row < o.rows; row += 3) ids[row] = kNoToken;
    Tensor logits = ctx.input("x", DType::f32, {o.rows, o.wide()}, std::move(x));
    if (o.slice) logits = logits.slice_columns(o.first(), o.vocabulary);
    kernel::score(
        ctx.recorder(),
        {.logits = logits, .ids = ctx.input_words("ids", {o.rows}, ids), .y = ctx.output("y", DType::f32, {o.rows})});
}

Case<Options> make(const std::string& name, Options o) { return {name, o, uint64_t(o.rows) * o.vocabulary * 4}; }

} // namespace

CaseTable<Options> table() {
    return {"score",
            build,
            {make("tiny", {}), make("odd sizes", {.rows = 7, .vocabulary = 131}),
             make("as many tokens as lanes", {.rows = 3, .vocabulary = 128}),
             make("slice with holes", {.rows = 10, .vocabulary = 300, .slice = true, .holes = true}),
             make("far from zero", {.rows = 5, .vocabulary = 1000, .mean = 10000}),
             make("one token alone", {.rows = 40, .vocabulary = 700, .deviation = 200}),
             make("not finite", {.rows = 13, .vocabulary = 400, .not_finite = true}),
             make("real: 256 rows of 32,000", {.rows = 256, .vocabulary = 32000}),
             make("real: 16 rows of 151,936", {.rows = 16, .vocabulary = 151936})}};
}

} // namespace weft::detail::kernel::cases::score
