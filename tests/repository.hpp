// SPDX-License-Identifier: Apache-2.0
// Test support: where the repository lies. Only repository.cpp is compiled with the answer, so that the compiler cache
// serves clones at other paths.
#pragma once
#include <filesystem>

namespace weft::test {

std::filesystem::path repository();

} // namespace weft::test
