// SPDX-License-Identifier: Apache-2.0
// L2: what `weft selftest` asks a device for. Not for use by layers.
#pragma once
#include "vulkan/recorder.hpp"

namespace weft::detail::kernel {
using vk::Recorder;
using vk::Tensor;

enum class ProbedFunction : uint32_t {
    exp,
    log,
    sin,
    inversesqrt,
    sqrt,
    reciprocal,
    itself,    ///< times 1, so that what is flushed to zero shows
    lost_part, ///< fma(x, x, -x * x): 0 where fma rounds the product
};
/// y = f(x), f32 [n] both.
void probe_function(Recorder& r, ProbedFunction f, const Tensor& x, const Tensor& y);

/// x u32 [n]: two halves each; y f32 [n, 2]: what the device unpacks; z u32 [n]: packed again.
void probe_halves(Recorder& r, const Tensor& x, const Tensor& y, const Tensor& z);

/// One workgroup; y u32 [threads, 3]: subgroup, lane and lanes of the subgroup by a thread's place in the workgroup.
void probe_layout(Recorder& r, uint32_t threads, const Tensor& y);

/// One workgroup of whole subgroups, which must be there (Feature::subgroup); y u32 [threads, 3] by subgroup and lane:
/// lanes of the subgroup, the thread whose lane is this one's ^ mask, the thread of lane 0.
void probe_lanes(Recorder& r, uint32_t threads, uint32_t mask, const Tensor& y);

/// y[i] = dot(a[i], b[i]), u32 [n]: four signed bytes a word. Feature::integer_dot, and a glslc that knows it.
void probe_dot(Recorder& r, const Tensor& a, const Tensor& b, const Tensor& y);
/// Whether probe_dot() may be called.
bool can_probe_dot(const Recorder& r);

} // namespace weft::detail::kernel
