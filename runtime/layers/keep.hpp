// SPDX-License-Identifier: Apache-2.0
// L3: rows of a stage as they are, for another stage: what is seen in a picture, for the tokens that stand for it.
#pragma once
#include "layers/op.hpp"

namespace weft::detail {

/// What `keep` leaves and `place` reads: rows of a width, under a name in the schedule.
State kept_rows(const std::string& memory, uint64_t width);

/// The rows of its input, behind those that the sequence's memory has already.
struct KeepSpec {
    static constexpr const char* name = "keep";
    static constexpr uint32_t colour = 0xf6d3a8;
    static constexpr bool sink = true;

    std::string memory;
    uint32_t width = 0; ///< of the input
    StateId rows = kNoState;

    void fields(Fields& f, const Widths& w);
    void states(States& s);
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    std::string words() const;
};

} // namespace weft::detail
