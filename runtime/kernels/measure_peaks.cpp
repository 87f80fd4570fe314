// SPDX-License-Identifier: Apache-2.0
#include "kernels/measure_peaks.hpp"
#include "kernels/peaks.hpp"
#include "vulkan/timed_run.hpp"
#include "vulkan/uploader.hpp"
#include <algorithm>
#include <functional>

namespace weft::detail::kernel {
namespace {

/// Microseconds of what `call` dispatches.
Result<double> time(vk::Device& device, uint32_t repeats, const std::function<void(Recorder&)>& call) {
    Recorder recorder(device);
    call(recorder);
    weft_ASSIGN(vk::Program program, recorder.finish());
    std::vector<vk::Recording> recordings;
    weft_ASSIGN(auto recording, vk::Recording::create(device, std::move(program), {.timestamps = true}));
    recordings.push_back(std::move(recording));
    weft_ASSIGN(auto run, vk::TimedRun::create(device, std::move(recordings)));
    weft_TRY(run.run()); // this also touches the memory for the first time
    weft_ASSIGN(const double ns, run.time(std::max(repeats, 5u)));
    return ns / 1000;
}

} // namespace

Result<DevicePeaks> measure_peaks(vk::Device& device, uint32_t repeats) {
    vk::Arena arena(device, vk::MemoryUse::device, "measuring peaks");
    weft_ASSIGN(const vk::Slice from, arena.allocate(kPeakWords * 4));
    weft_ASSIGN(const vk::Slice to, arena.allocate(kPeakWords * 4));
    weft_ASSIGN(auto uploader, vk::Uploader::create(device));
    std::vector<uint32_t> values(kPeakWords); // pages that nobody wrote to may all be one
    for (uint32_t i = 0; i < kPeakWords; ++i) values[i] = i * 2654435761u;
    weft_TRY(uploader.write(from, std::as_bytes(std::span(values))));
    weft_ASSIGN(const double copy_us, time(device, repeats, [&](Recorder& r) {
                    peak_copy(r, r.external(from, DType::u32, {kPeakWords}, "x"),
                              r.external(to, DType::u32, {kPeakWords}, "y"));
                }));
    weft_ASSIGN(const double fma_us, time(device, repeats, [&](Recorder& r) {
                    peak_fma(r, r.external(to, DType::f32, {kPeakThreads}, "y"));
                }));
    DevicePeaks peaks;
    peaks.copy_gb_per_s = double(kPeakWords) * 8 / (copy_us * 1000);
    peaks.gflop_per_s = double(kPeakThreads * kPeakFmaOperations) / (fma_us * 1000);
    return peaks;
}

double share_of(const DevicePeaks& peaks, uint64_t bytes, uint64_t operations, double us) {
    const double least = std::max(double(bytes) / peaks.copy_gb_per_s, double(operations) / peaks.gflop_per_s) / 1000;
    return us > 0 && peaks ? least / us : 0;
}

} // namespace weft::detail::kernel
