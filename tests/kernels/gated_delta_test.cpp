// SPDX-License-Identifier: Apache-2.0
#include "kernels/gated_delta.hpp"
#include "kernels/scan_golden.hpp"
#include <catch2/generators/catch_generators.hpp>

using namespace weft;
using namespace weft::detail;
using test::ScanGolden;

namespace {

struct RecordedDelta {
    std::string name, variant;
    bool decay;
    float beta_scale;
};

} // namespace

TEST_CASE("gated_delta against the reference implementations", "[kernels]") {
    const RecordedDelta c = GENERATE(
        RecordedDelta{"delta-rule", "plain", false, 1}, RecordedDelta{"delta-rule", "negative", false, 2},
        RecordedDelta{"gated-delta-rule", "weak", true, 1}, RecordedDelta{"gated-delta-rule", "strong", true, 1});
    const uint32_t piece = GENERATE(1u, 16u, 32u, 64u, 70u);
    weft_GOLDEN(path, "op-" + c.name + "/io.safetensors");
    INFO(c.name);
    const ScanGolden golden(path);
    const auto q = golden.read("input.q"), k = golden.read("input.k"), v = golden.read("input.v");
    // The kernel computes beta = beta_scale sigmoid(b) and g = -softplus(a) itself.
    std::vector<float> b, a;
    for (const float beta : golden.read((c.decay ? "" : c.variant + ".") + "input.beta"))
        b.push_back(float(std::log(double(beta) / (c.beta_scale - double(beta)))));
    if (c.decay)
        for (const float g : golden.read(c.variant + ".input.g")) a.push_back(float(std::log(std::expm1(-double(g)))));
    golden.check(c.variant, piece, [&](const ScanGolden::Piece& p) {
        kernel::GatedDeltaArgs args{.step = p.step,
                                    .q = p.rows("q", q),
                                    .k = p.rows("k", k),
                                    .v = p.rows("v", v),
                                    .b = p.rows("b", b),
                                    .y = p.y,
                                    .state = p.state,
                                    .beta_scale = c.beta_scale,
                                    .decay = c.decay,
                                    .l2 = false};
        if (c.decay) {
            args.a = p.rows("a", a);
            args.a_head = p.ctx.input("a_head", DType::f32, {ScanGolden::kHeads}, {-1, -1});
        }
        kernel::gated_delta(p.ctx.recorder(), args);
    });
}
