// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include "io/safetensors.hpp"
#include "kernels/wkv7.hpp"
#include "unit/goldens.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace weft;
using namespace weft::detail;
using kernel::CaseContext;

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
        std::vector<reference::Expected> expected; // 1e-4 of the output's deviation, as the goldens' notes say
        for (float x : want) expected.push_back({x, 1e-4 * std::sqrt(squares / double(want.size()))});
        test::require_close(values, expected, name);
    };
    close("o", got);
    close("state", state);
}
