// SPDX-License-Identifier: Apache-2.0
// L2: the step of the rows that were chosen, made on the device.
#pragma once
#include "kernels/step.hpp"

namespace weft::detail::kernel {

/// Words between the parts of RouteRowsArgs::rows for a step of so many rows: each can be bound alone.
inline uint32_t routed_stride(uint32_t rows) { return (rows + 63) / 64 * 64; }
/// Place of a row that was not chosen.
inline constexpr uint32_t kNotRouted = ~0u;

/// The chosen rows side by side, in order, as the step of those sequences that have some. A row keeps its position;
/// `past` of a sequence is how many of its rows were chosen before.
struct RouteRowsArgs {
    Step step;
    Tensor chosen;    ///< f32 [T, 1]: 0 for rows that are left out
    Tensor counts;    ///< u32 [slots, 1, capacity, 1]: of each token how many were chosen up to it
    Tensor header;    ///< u32 [16]: out, a StepHeader
    Tensor sequences; ///< u32 [S, 8]: out
    /// u32 [6, routed_stride(T)]: out, of each chosen row which it is; of each row its place among them, or kNotRouted;
    /// of each chosen one its position, and its sequence. Then two parts for the kernel itself.
    Tensor rows;
};
void route_rows(Recorder& r, const RouteRowsArgs& a);

} // namespace weft::detail::kernel
