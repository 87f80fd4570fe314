// SPDX-License-Identifier: Apache-2.0
#include "cases/wkv7.hpp"
#include "io/safetensors.hpp"
#include "kernels/wkv7.hpp"
#include "reference/wkv7.hpp"
#include "scan_checks.hpp"
#include "unit/goldens.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace weft;
using namespace weft::detail;
namespace cases = kernel::cases;
using kernel::CaseContext;

TEST_CASE("wkv7", "[kernels]") {
    test::run_cases(cases::wkv7::table(), [](CaseContext& ctx, const cases::wkv7::Options& o) {
        const auto all = test::optional<double>(ctx, "r, w, k, v, a, b");
        const size_t heads = o.shape.heads, size = o.shape.size, columns = o.shape.columns, lead = o.lead,
                     keys = heads * size, values = heads * columns, width = lead + 5 * keys + values,
                     one = size * columns;
        std::vector<test::Expected> expected(ctx.data("y").size(), {std::nan(""), 0}), states;
        for (float v : ctx.data("state before")) states.push_back({v, 0}); // slots of no sequence keep their bits
        size_t token = 0;
        for (const auto& q : ctx.sequences()) {
            for (size_t h = 0; h < heads && q.count > 0; ++h) {
                const auto part = [&](size_t first, size_t n) {
                    return test::block(all, width, token, q.count, lead + first + h * n, n);
                };
                const size_t at = (q.slot * heads + h) * one, to = at + q.moved * heads * one;
                std::vector<double> state;
                for (size_t i = 0; i < one; ++i) state.push_back(q.past > 0 ? states[at + i].value : 0);
                const auto out = reference::wkv7(size, columns, part(0, size), part(keys, size), part(2 * keys, size),
                                                 part(3 * keys, columns), part(3 * keys + values, size),
                                                 part(4 * keys + values, size), state);
                for (size_t i = 0; i < out.y.size(); ++i)
                    expected[(token + i / columns) * (values + 3) + 2 + h * columns + i % columns] = {
                        out.y[i], test::kEps32 * out.y_error[i]};
                for (size_t i = 0; i < one; ++i)
                    states[to + i] = {state[i], test::kEps32 * out.state_error[i / columns]};
            }
            token += q.count;
        }
        test::require_close_or_untouched(ctx.data("y"), expected, "y");
        test::require_close_or_untouched(ctx.data("state"), states, "state");
    });
}

TEST_CASE("wkv7 against the reference implementation", "[kernels]") {
    weft_GOLDEN(path, "op-rwkv7/io.safetensors");
    auto file = SafetensorsFile::open(path);
    REQUIRE(bool(file));
    const auto read = [&](const std::string& name) {
        const TensorView* view = file->find(name);
        INFO(name);
        REQUIRE(view);
        return *read_f32(*view);
    };
    constexpr uint32_t batch = 2, tokens = 70, heads = 2, size = 16, columns = 24;
    const std::string variant = GENERATE("weak", "strong");
    const uint32_t piece = GENERATE(1u, 7u, 70u);
    INFO(variant << ", " << piece << " tokens at a time");
    const auto r = read("input.r"), k = read("input.k"), v = read("input.v"), kk = read("input.kk"),
               rate = read("input.a"), w = read(variant + ".input.w");
    std::vector<float> state = read("input.h0"), got(size_t(batch) * tokens * heads * columns);
    for (uint32_t begin = 0; begin < tokens; begin += piece) {
        CaseContext ctx(test::gpu(), 1);
        // The same tokens of each sequence, one sequence behind the other.
        const auto rows = [&](const std::string& name, const std::vector<float>& from, uint32_t width,
                              const std::function<float(size_t)>& value) {
            std::vector<float> to;
            for (uint32_t s = 0; s < batch; ++s)
                for (size_t i = 0; i < size_t(piece) * width; ++i)
                    to.push_back(value((size_t(s) * tokens + begin) * width + i));
            REQUIRE(from.size() == size_t(batch) * tokens * width);
            return ctx.input(name, DType::f32, {batch * piece, width}, to);
        };
        const auto plain = [&](const std::string& name, const std::vector<float>& from, uint32_t width) {
            return rows(name, from, width, [&](size_t i) { return from[i]; });
        };
        kernel::Wkv7Args a;
        a.step = ctx.step({{0, piece, 1 + begin}, {1, piece, 1 + begin}});
        a.r = plain("r", r, heads * size);
        a.w = plain("w", w, heads * size);
        a.k = plain("k", k, heads * size);
        a.v = plain("v", v, heads * columns);
        a.a = rows("a", kk, heads * size, [&](size_t i) { return -kk[i]; });
        a.b = rows("b", rate, heads * size, [&](size_t i) { return kk[i] * rate[i]; });
        a.y = ctx.output("y", DType::f32, {batch * piece, heads * columns});
        a.state = ctx.input("state", DType::f32, {batch, heads, size, columns}, state);
        kernel::wkv7(ctx.recorder(), a);
        const auto status = ctx.run();
        INFO((status ? "" : status.error().text()));
        REQUIRE(bool(status));
        test::require_no_validation_messages();
        state = ctx.data("state");
        for (uint32_t s = 0; s < batch; ++s)
            std::copy_n(ctx.data("y").begin() + long(s * piece * heads * columns), size_t(piece) * heads * columns,
                        got.begin() + long((s * tokens + begin) * heads * columns));
    }
    const auto close = [&](const std::string& name, const std::vector<float>& values) {
        const auto want = read(variant + ".output." + name);
        double squares = 0;
        for (float x : want) squares += double(x) * x;
        std::vector<test::Expected> expected; // 1e-4 of the output's deviation, as the goldens' notes say
        for (float x : want) expected.push_back({x, 1e-4 * std::sqrt(squares / double(want.size()))});
        test::require_close(values, expected, name);
    };
    close("o", got);
    close("state", state);
}
