// SPDX-License-Identifier: Apache-2.0
// Test support: where the reference data lie. They are not part of the repository,
// so a test that finds none is skipped.
#pragma once
#include "repository.hpp"
#include <cstdlib>
#include <filesystem>

namespace weft::test {
using namespace detail;

/// $WEFT_GOLDENS, or the directory beside the repository.
inline std::filesystem::path goldens() {
    const char* given = std::getenv("WEFT_GOLDENS");
    return given && *given ? std::filesystem::path(given) : repository() / "../shared/goldens";
}

} // namespace weft::test

// Ends the test as skipped unless the goldens hold `name`; declares `variable` as its path.
#define weft_GOLDEN(variable, name)                                                                                    \
    const std::filesystem::path variable = weft::test::goldens() / (name);                                             \
    if (!std::filesystem::exists(variable))                                                                            \
    SKIP(variable.string() << " is not there; set WEFT_GOLDENS to run this test")
