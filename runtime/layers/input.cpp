// SPDX-License-Identifier: Apache-2.0
#include "layers/input.hpp"
#include <algorithm>

namespace weft::detail {

std::vector<uint32_t> PatchGrid::extra_places(uint32_t patches) const {
    const uint32_t leading = extra_at == ExtraAt::first  ? extra
                             : extra_at == ExtraAt::ends ? (extra + 1) / 2
                                                         : 0,
                   before_others = extra_at == ExtraAt::middle ? patches / 2 : patches;
    std::vector<uint32_t> places;
    for (uint32_t i = 0; i < extra; ++i) places.push_back(i < leading ? i : before_others + i);
    return places;
}

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
