// SPDX-License-Identifier: Apache-2.0
// Barriers that a recording derives, judged by synchronization validation as it is recorded.
#include "harness/gpu.hpp"
#include "harness/host_device.hpp"
#include "kernels/gather_rows.hpp"
#include "kernels/measure_peaks.hpp"
#include <catch2/catch_test_macros.hpp>
#include <cmath>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

class Recorded {
public:
    vk::Slice memory(uint64_t bytes) {
        const auto slice = arena_.allocate(bytes, 1 << 16);
        REQUIRE(slice);
        return *slice;
    }
    vk::Tensor tensor(DType type, std::initializer_list<uint32_t> shape) {
        uint64_t bytes = 4;
        for (const uint32_t n : shape) bytes *= n;
        return recorder.external(memory(bytes), type, shape, "a tensor");
    }
    /// Fails if validation finds a hazard.
    void require_sound() {
        auto program = recorder.finish();
        REQUIRE(program);
        const auto recording = vk::Recording::create(gpu(), std::move(*program));
        REQUIRE(recording);
        require_no_validation_messages();
    }
    vk::Recorder recorder{gpu()};

private:
    vk::Arena arena_{gpu(), vk::MemoryUse::device, "recording"};
};

} // namespace

// No recording of a session needs this: it has its sizes from a recording of their own.
TEST_CASE("a dispatch waits for what computes its size", "[vulkan]") {
    Recorded r;
    const auto arguments = r.tensor(DType::u32, {1, 4});
    r.recorder.set_grid_arguments(arguments);
    kernel::grids(r.recorder, r.tensor(DType::u32, {16}), r.tensor(DType::u32, {1, 12}), arguments, 1);
    kernel::gather_rows(r.recorder, {.x = r.tensor(DType::f32, {6, 4}),
                                     .index = r.tensor(DType::u32, {6}),
                                     .y = r.tensor(DType::f32, {6, 4}),
                                     .rows = {1, kernel::Quantity::outputs}});
    r.require_sound();
}

TEST_CASE("ranges that overlap wait for each other, wherever they begin", "[vulkan]") {
    const uint64_t row = 256; // bytes; slices begin at such places
    for (const uint64_t at : {uint64_t(0), row, 3 * row})
        for (const bool reads_behind : {true, false}) {
            INFO((reads_behind ? "read" : "written") << " from byte " << at << " on");
            Recorded r;
            const auto memory = r.memory(8 * row);
            const auto part = [&](uint64_t begin, uint32_t rows) {
                return r.recorder.external(memory.part(begin, rows * row), DType::f32, {rows, 64}, "a part");
            };
            // Apart from each other, so that nothing else makes a barrier.
            const auto index = r.tensor(DType::u32, {4}), one = r.tensor(DType::f32, {4, 64}),
                       other = r.tensor(DType::f32, {4, 64});
            const auto first = part(0, 4), second = part(at, 4);
            const auto gather = [&](const vk::Tensor& x, const vk::Tensor& y) {
                kernel::gather_rows(r.recorder, {.x = x, .index = index, .y = y, .rows = {4}});
            };
            reads_behind ? gather(one, first) : gather(first, one);
            reads_behind ? gather(second, other) : gather(other, second);
            r.require_sound();
        }
}

// Seen with drivers whose device does nothing: one waits 5 s for each recording, another gives the device up.
TEST_CASE("timestamps that do not come are not waited for: the host's clock times the run", "[vulkan]") {
    HostDevice host;
    host.keep_timestamps();
    const auto device = host.adopt();
    const auto peaks = kernel::measure_peaks(*device, 1);
    INFO((peaks ? "" : peaks.error().text()));
    REQUIRE(peaks);
    CHECK(peaks->copy_gb_per_s > 0);
    CHECK(std::isfinite(peaks->copy_gb_per_s));
}
