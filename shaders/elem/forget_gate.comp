// SPDX-License-Identifier: Apache-2.0
// Forget gates of channels, as logarithms: of GLA (Yang et al. 2023, section 4.4) with a scale, of HGRN2 (Qin et al.
// 2024, equation 2) with a lower bound b and keys that are what is forgotten.
//   f = b + (1 - b) sigmoid(z);  g = max(scale log f, least);  k = 1 - f
// One lane takes one element. Where f is near 1 both follow from 1 - f, which nothing cancels.
// Cost: 8 bytes an element, with keys 12.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint PARTS = 0u; // bit 0: there is a lower bound, 1: keys are written

layout(push_constant) uniform Push {
    uint columns, rows;
    uint z_stride, z_start, bound_start, g_stride, g_start, k_stride, k_start;
    float scale, least;
} push;
layout(binding = 0) readonly buffer Z { float z[]; };                    // [T, C]
layout(binding = 1) readonly buffer LowerBound { float lower_bound[]; }; // [C]
layout(binding = 2) writeonly buffer G { float g[]; };                   // [T, C]
layout(binding = 3) writeonly buffer Keys { float k[]; };                // [T, C]

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.columns || row >= push.rows) return;
    float x = z[row * push.z_stride + push.z_start + c], bound = 0.0;
    if ((PARTS & 1u) != 0u) bound = clamp(lower_bound[push.bound_start + c], 0.0, 1.0);
    float forgotten = (1.0 - bound) / (1.0 + exp(x)), kept;
    if (bound == 0.0) kept = -softplus(-x);
    else if (forgotten <= 0.5) kept = log1p_unit(-forgotten);
    else kept = log(bound + (1.0 - bound) / (1.0 + exp(-x)));
    g[row * push.g_stride + push.g_start + c] = max(push.scale * kept, push.least);
    if ((PARTS & 2u) != 0u) k[row * push.k_stride + push.k_start + c] = forgotten;
}
