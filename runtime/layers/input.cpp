// SPDX-License-Identifier: Apache-2.0
#include "layers/input.hpp"
#include <algorithm>

namespace weft::detail {

void Inputs::ids(const std::string& name, uint32_t limit) {
    for (Input& known : all_)
        if (known.stage == stage_ && known.name == name) {
            known.limit = std::min(known.limit, limit);
            return;
        }
    all_.push_back({name, stage_, limit});
}

void Inputs::pictures(const std::string& name, const PatchGrid& grid) {
    for (const Input& known : all_)
        if (known.stage == stage_ && known.name == name) return;
    all_.push_back({name, stage_, 0, grid});
}

} // namespace weft::detail
