// SPDX-License-Identifier: Apache-2.0
// Tests: runs a kernel's case table against its double-precision reference.
#pragma once
#include "harness/chips.hpp"
#include "harness/gpu.hpp"
#include "reference/checked.hpp"

namespace weft::test {
using namespace detail;

/// Fails with each fault of the comparison.
void require(const reference::Comparison& verdict);

/// As Comparison::close, of one list.
void require_close(std::span<const float> got, std::span<const reference::Expected> expected, const std::string& what);

/// kernel::shapes_of for the device at hand and all chips; fails the test where there are none.
std::vector<kernel::Shaped> shapes_of(const kernel::KernelCase& c);

/// Runs every case of the table of `kernel` as a Catch2 section; a failure names the case, its seed and the command
/// that reruns it alone. Validation messages fail the case. A case runs as here, twice, and must give the same bits;
/// and in all others of its shapes_of(), but for those whose pipelines ran with a case before.
void run_cases(const char* kernel);

} // namespace weft::test
