// SPDX-License-Identifier: Apache-2.0
// Sums what the chosen experts gave for each token, with the shared expert and the residual (Shazeer et al. 2017,
// equation 1; shared: DeepSeekMoE 2024, equation 9).
//   y[t,:] = residual[t,:] + scale * sum_j weights[t,j] * expert_out[t * k + j,:]
//            + shared_scale * shared[t,:] * sigmoid(shared_gate[t])
// The sum runs over j in increasing order; a pair of weight 0 is not read. One lane takes one element, with VECTORS
// four: then all positions and widths but the gate's count four columns. Cost: 4 (k + 1 to 3) bytes an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"
#ifdef VECTORS
#define VALUE vec4
#else
#define VALUE float
#endif

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint CHOICES = 2u; // k
layout(constant_id = 3) const uint PARTS = 0u;   // bit 0: weights, 1: shared, 2: shared_gate, 3: residual

layout(push_constant) uniform Push {
    uint columns, tokens;
    uint shared_stride, shared_start, gate_stride, gate_start, residual_stride, residual_start, y_stride, y_start;
    float scale, shared_scale;
} push;
layout(binding = 0) readonly buffer ExpertOut { VALUE expert_out[]; };   // [T * k, D]
layout(binding = 1) readonly buffer Weights { float weights[]; };        // [T, k]
layout(binding = 2) readonly buffer SharedOut { VALUE shared_out[]; };   // [T, D]
layout(binding = 3) readonly buffer SharedGate { float shared_gate[]; }; // [T, 1]
layout(binding = 4) readonly buffer Residual { VALUE residual[]; };      // [T, D]
layout(binding = 5) writeonly buffer Y { VALUE y[]; };                   // [T, D]

void main() {
    uint c = gl_GlobalInvocationID.x, token = gl_GlobalInvocationID.y;
    if (c >= push.columns || token >= push.tokens) return;
    VALUE sum = VALUE(0.0);
    for (uint j = 0u; j < CHOICES; ++j) {
        uint pair = token * CHOICES + j;
        float weight = (PARTS & 1u) != 0u ? weights[pair] : 1.0;
        if (weight != 0.0) sum += weight * expert_out[pair * push.columns + c];
    }
    VALUE v = push.scale * sum;
    if ((PARTS & 2u) != 0u) {
        float factor = push.shared_scale;
        if ((PARTS & 4u) != 0u) factor *= sigmoid(shared_gate[token * push.gate_stride + push.gate_start]);
        v += factor * shared_out[token * push.shared_stride + push.shared_start + c];
    }
    if ((PARTS & 8u) != 0u) v += residual[token * push.residual_stride + push.residual_start + c];
    y[token * push.y_stride + push.y_start + c] = v;
}
