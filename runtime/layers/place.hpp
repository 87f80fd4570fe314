// SPDX-License-Identifier: Apache-2.0
// L3: rows of a memory in the place of the tokens that stand for them.
#pragma once
#include "layers/keep.hpp"

namespace weft::detail {

/// Of a token that stands for a row of the memory that row; of others their own, or nothing if it is `added`: 0.
/// In a step of decoding no token stands for another, so that nothing is left to do.
struct PlaceSpec {
    static constexpr const char* name = "place";
    static constexpr uint32_t colour = 0xe89f4c;

    std::string memory;
    bool added = false;
    uint32_t width = 0;
    StateId rows = kNoState;

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    bool idle(const LayerContext& c) const;
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
