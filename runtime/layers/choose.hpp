// SPDX-License-Identifier: Apache-2.0
// L3: which rows the blocks in a routed view work on.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// Chooses rows by scores of one number each, and makes the view of them (Mixture-of-Depths, Raposo et al. 2024): those
/// with a score above 0, or of a sequence, which comes whole then, a share with the largest. Its result is 1 for rows
/// that are chosen, else 0.
struct ChooseSpec {
    static constexpr const char* name = "choose";
    static constexpr uint32_t colour = 0xf2b8c6;

    uint32_t view = 0;  ///< the routed one that it makes
    float capacity = 0; ///< the share; 0: those with a score above 0
    StateId counts = kNoState;

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    bool sees_ahead() const { return capacity > 0; }
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    std::string words() const;
};

} // namespace weft::detail
