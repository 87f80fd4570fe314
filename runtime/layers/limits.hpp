// SPDX-License-Identifier: Apache-2.0
// L3: sizes that no kernel takes, collected as sentences.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace weft::detail {

class Limits {
public:
    /// Where what follows is: "layer 3: ".
    void at(std::string place) { place_ = std::move(place); }
    void range(const char* what, uint64_t value, uint64_t least, uint64_t most) {
        if (value >= least && value <= most) return;
        add(std::string(what) + " is " + std::to_string(value) + "; weft takes " + std::to_string(least) + " to " +
            std::to_string(most));
    }
    void add(const std::string& sentence) { found_.push_back(place_ + sentence); }
    std::vector<std::string> take() { return std::move(found_); }

private:
    std::string place_;
    std::vector<std::string> found_;
};

} // namespace weft::detail
