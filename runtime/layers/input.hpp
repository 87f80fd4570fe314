// SPDX-License-Identifier: Apache-2.0
// L3: what ops read that comes from outside: named tensors. An op that reads one declares it, so that a schedule's
// inputs follow from its ops.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace weft {

/// One number for every row of a stage.
struct Input {
    std::string name;
    uint32_t stage = 0; ///< whose rows
    uint32_t limit = 0; ///< numbers are below it: rows of the smallest table that is looked into
};
inline constexpr const char* kTokens = "input_ids";

/// Where ops declare what they read.
class Inputs {
public:
    /// Those that follow are read by ops of this stage.
    void at(uint32_t stage) { stage_ = stage; }
    void ids(const std::string& name, uint32_t limit);
    std::vector<Input> take() { return std::move(all_); }

private:
    std::vector<Input> all_;
    uint32_t stage_ = 0;
};

} // namespace weft
