// SPDX-License-Identifier: Apache-2.0
// Sums what the chosen experts gave for each token, with the shared expert and the residual (Shazeer et al. 2017, equation 1; shared: DeepSeekMoE 2024, equation 9).
//   y[t,:] = residual[t,:] + scale * sum_j weights[t,j] * expert_out[t * k + j,:] + shared_scale * shared[t,:] * sigmoid(shared_gate[t])
// The sum runs over j in increasing order; a pair of weight 0 is not read. One workgroup takes a block of columns of some tokens. Cost: 4 (k + 1 to 3) bytes an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "math.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint CHOICES = 2u; // k
layout(constant_id = 2) const uint PARTS = 0u;   // bit 0: weights, 1: shared, 2: shared_gate, 3: residual

layout(push_constant) uniform Push {
    uint columns, tokens, block, rows_each;
    uint shared_stride, shared_start, gate_stride, gate_start, residual_stride, residual_start, y_stride, y_start;
    float scale, shared_scale;
} push;
layout(binding = 0) readonly buffer ExpertOut { float expert_out[]; };   // [T * k, D]
layout(binding = 1) readonly buffer Weights { float weights[]; };        // [T, k]
layout(binding = 2) readonly buffer SharedOut { float shared_out[]; };   // [T, D]
layout(binding = 3) readonly buffer SharedGate { float shared_gate[]; }; // [T, 1]
layout(binding = 4) readonly buffer Residual { float residual[]; };      // [T, D]
layout(binding = 5) writeonly buffer Y { float y[]; };                   // [T, D]

void main() {
    for (uint i = 0u; i < push.rows_each; ++i) {
        uint token = gl_WorkGroupID.y * push.rows_each + i;
        if (token >= push.tokens) return;
        float of_shared = push.shared_scale;
        if ((PARTS & 4u) != 0u) of_shared *= sigmoid(shared_gate[token * push.gate_stride + push.gate_start]);
        uint end = min((gl_WorkGroupID.x + 1u) * push.block, push.columns);
        for (uint c = gl_WorkGroupID.x * push.block + gl_LocalInvocationID.x; c < end; c += LOCAL) {
            float sum = 0.0;
            for (uint j = 0u; j < CHOICES; ++j) {
                uint pair = token * CHOICES + j;
                float weight = (PARTS & 1u) != 0u ? weights[pair] : 1.0;
                if (weight != 0.0) sum += weight * expert_out[pair * push.columns + c];
            }
            float v = push.scale * sum;
            if ((PARTS & 2u) != 0u) v += of_shared * shared_out[token * push.shared_stride + push.shared_start + c];
            if ((PARTS & 8u) != 0u) v += residual[token * push.residual_stride + push.residual_start + c];
            y[token * push.y_stride + push.y_start + c] = v;
        }
    }
}
