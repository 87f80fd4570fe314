// SPDX-License-Identifier: Apache-2.0
// Tests: runs a kernel's case table against its double-precision reference.
#pragma once
#include "cases/case.hpp"
#include "harness/chips.hpp"
#include "harness/gpu.hpp"
#include <functional>
#include <memory>
#include <span>

namespace weft::test {
using namespace detail;

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

/// What a case calls where a device chooses its forms and shapes.
struct Shaped {
    std::string chip;                   ///< empty: the device at hand
    std::shared_ptr<vk::Device> device; ///< the chip, as borrowed(); null for the device at hand
    vk::Program program;
};
/// All that the case may be here and on any chip, each once. Where a chip's choice has operations between lanes and
/// its subgroups are of another size than those here, it is what that chip would choose with these.
std::vector<Shaped> shapes_of(const kernel::KernelCase& c);

/// Runs `c` of the table of `kernel` as a Catch2 section; a failure names the case, its seed and the command that
/// reruns it alone. Validation messages fail the case. It runs as here, twice, and must give
/// the same bits; and in all others of its shapes_of(), but for those whose pipelines ran with two cases before.
void run_case(const char* kernel, const kernel::KernelCase& c, const std::function<void(kernel::CaseContext&)>& check);

/// Runs every case of `table`; `check(context, options)` compares what it gave.
template <class Options, class Check>
void run_cases(const kernel::CaseTable<Options>& table, const Check& check) {
    const kernel::KernelTable runnable = table;
    for (size_t i = 0; i < table.cases.size(); ++i)
        run_case(table.kernel, runnable.cases[i],
                 [&](kernel::CaseContext& context) { check(context, table.cases[i].options); });
}

/// A case's tensor, or nothing if the case has none of that name.
template <class Number = float>
std::vector<Number> optional(const kernel::CaseContext& context, const std::string& tensor) {
    std::vector<Number> found;
    context.each([&](const std::string& name, const std::vector<float>& values) {
        if (name == tensor) found.assign(values.begin(), values.end());
    });
    return found;
}

} // namespace weft::test
