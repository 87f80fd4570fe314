// SPDX-License-Identifier: Apache-2.0
// Tests: runs a kernel's case table against its double-precision reference.
#pragma once
#include "harness/gpu.hpp"
#include "kernels/case.hpp"
#include <functional>
#include <span>

namespace weft::test {

/// The unit roundoff of 32-bit floats.
inline constexpr double kEps32 = 0x1p-24;
inline constexpr double kEps16 = 0x1p-11;  ///< of halves
inline constexpr double kEpsBf16 = 0x1p-8; ///< of bfloat16

/// An expected value and how far off a correct kernel may be. The bound is a formula of the data: usually
/// roundoff * (number of roundings on the longest path) * (sum of magnitudes that were added).
struct Expected {
    double value;
    double tolerance;
};

/// Fails at the first element off by more than its tolerance (or NaN where a number is due), printing index,
/// expected, got, tolerance and the largest error.
void require_close(std::span<const float> got, std::span<const Expected> expected, const std::string& what);

/// Runs every case of `table`: builds, runs, then `check(context, case name)` compares. Each case is a Catch2 section;
/// a failure names the case, its seed and the command that reruns it alone. Validation messages fail the case.
/// Each case runs twice and must give the same bits.
void run_cases(const kernel::KernelTable& table,
               const std::function<void(kernel::CaseContext&, const std::string&)>& check, vk::Device& device = gpu());

} // namespace weft::test
