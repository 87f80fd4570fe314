// SPDX-License-Identifier: Apache-2.0
#include "repository.hpp"

namespace weft::test {

std::filesystem::path repository() { return weft_SOURCE_DIR; }

} // namespace weft::test
