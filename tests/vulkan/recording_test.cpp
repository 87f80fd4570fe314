// SPDX-License-Identifier: Apache-2.0
// Barriers that a recording derives, judged by synchronization validation as it is recorded.
#include "harness/gpu.hpp"
#include "kernels/gather_rows.hpp"
#include "vulkan/recording.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace weft;
using namespace weft::test;

// No recording of a session needs this: it has its sizes from a recording of their own.
TEST_CASE("a dispatch waits for what computes its size", "[vulkan]") {
    vk::Arena arena(gpu(), vk::MemoryUse::device, "recording");
    vk::Recorder r(gpu());
    const auto tensor = [&](DType type, std::initializer_list<uint32_t> shape, const std::string& name) {
        uint64_t bytes = 4;
        for (const uint32_t n : shape) bytes *= n;
        const auto slice = arena.allocate(bytes, 1 << 16);
        REQUIRE(slice);
        return r.external(*slice, type, shape, name);
    };
    const auto arguments = tensor(DType::u32, {1, 4}, "grid arguments");
    r.set_grid_arguments(arguments);
    kernel::grids(r, tensor(DType::u32, {16}, "step header"), tensor(DType::u32, {1, 12}, "grid table"), arguments, 1);
    kernel::gather_rows(r, {.x = tensor(DType::f32, {6, 4}, "x"),
                            .index = tensor(DType::u32, {6}, "index"),
                            .y = tensor(DType::f32, {6, 4}, "y")});
    auto program = r.finish();
    REQUIRE(program);
    REQUIRE(program->grid_rows.size() == 1);
    const auto recording = vk::Recording::create(gpu(), std::move(*program));
    REQUIRE(recording);
    require_no_validation_messages();
}
