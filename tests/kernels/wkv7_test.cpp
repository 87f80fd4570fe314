// SPDX-License-Identifier: Apache-2.0
#include "kernels/scan_golden.hpp"
#include "kernels/wkv7.hpp"
#include <catch2/generators/catch_generators.hpp>

using namespace weft;
using namespace weft::detail;

TEST_CASE("wkv7 against the reference implementation", "[kernels]") {
    weft_GOLDEN(path, "op-rwkv7/io.safetensors");
    const test::ScanGolden golden(path);
    const std::string variant = GENERATE("weak", "strong");
    const auto r = golden.read("input.r"), k = golden.read("input.k"), v = golden.read("input.v"),
               kk = golden.read("input.kk"), rate = golden.read("input.a"), w = golden.read(variant + ".input.w");
    std::vector<float> a, b;
    for (size_t i = 0; i < kk.size(); ++i) {
        a.push_back(-kk[i]);
        b.push_back(kk[i] * rate[i]);
    }
    golden.check(variant, GENERATE(1u, 7u, 70u), [&](const test::ScanGolden::Piece& p) {
        kernel::wkv7(p.ctx.recorder(), {.step = p.step,
                                        .r = p.rows("r", r),
                                        .w = p.rows("w", w),
                                        .k = p.rows("k", k),
                                        .v = p.rows("v", v),
                                        .a = p.rows("a", a),
                                        .b = p.rows("b", b),
                                        .y = p.y,
                                        .state = p.state});
    });
}
