// SPDX-License-Identifier: Apache-2.0
#include "kernels/linear_scan.hpp"
#include "kernels/scan_golden.hpp"
#include <catch2/generators/catch_generators.hpp>

using namespace weft;
using namespace weft::detail;
using kernel::DecayOf;
using test::ScanGolden;

namespace {

struct RecordedScan {
    std::string name, variant;
    DecayOf decay;
};

} // namespace

TEST_CASE("linear_scan against the reference implementations", "[kernels]") {
    const RecordedScan c = GENERATE(
        RecordedScan{"linear-attn", "plain", DecayOf::none}, RecordedScan{"retention", "plain", DecayOf::head},
        RecordedScan{"simple-gla", "weak", DecayOf::token}, RecordedScan{"simple-gla", "strong", DecayOf::token},
        RecordedScan{"gla", "weak", DecayOf::channel}, RecordedScan{"gla", "strong", DecayOf::channel},
        RecordedScan{"hgrn2", "weak", DecayOf::channel}, RecordedScan{"hgrn2", "strong", DecayOf::channel},
        RecordedScan{"rwkv6", "weak", DecayOf::channel}, RecordedScan{"rwkv6", "strong", DecayOf::channel});
    const uint32_t piece = GENERATE(1u, 16u, 32u, 64u, 70u);
    weft_GOLDEN(path, "op-" + c.name + "/io.safetensors");
    INFO(c.name);
    const ScanGolden golden(path);
    const bool bonus = c.name == "rwkv6";
    const auto q = golden.read(bonus ? "input.r" : "input.q"), v = golden.read("input.v");
    std::vector<float> decay, k, u;
    if (c.decay == DecayOf::head)
        for (uint32_t h = 0; h < ScanGolden::kHeads; ++h) decay.push_back(float(std::log1p(-std::exp2(-5.0 - h))));
    else if (c.decay != DecayOf::none) decay = golden.read(c.variant + (bonus ? ".input.w" : ".input.g"));
    if (c.name == "hgrn2")
        for (const float g : decay) k.push_back(float(-std::expm1(double(g))));
    else k = golden.read("input.k");
    if (bonus) u = golden.read("input.u");
    golden.check(c.variant, piece, [&](const ScanGolden::Piece& p) {
        kernel::LinearScanArgs a{.step = p.step,
                                 .q = p.rows("q", q),
                                 .k = p.rows("k", k),
                                 .v = p.rows("v", v),
                                 .y = p.y,
                                 .state = p.state,
                                 .decay_of = c.decay,
                                 .scale = bonus ? 1.0f : 0.0f};
        if (c.decay == DecayOf::head) a.decay = p.ctx.input("decay", DType::f32, {ScanGolden::kHeads}, decay);
        else if (c.decay != DecayOf::none) a.decay = p.rows("decay", decay);
        if (bonus) a.bonus = p.ctx.input("bonus", DType::f32, {ScanGolden::kHeads, ScanGolden::kSize}, u);
        kernel::linear_scan(p.ctx.recorder(), a);
    });
}
