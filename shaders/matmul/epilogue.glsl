// SPDX-License-Identifier: Apache-2.0
// What follows a matrix product. Include lib/math.glsl and lib/activation.glsl first; needs the specialization
// constants ACTIVATION, GATED and PARTS, and the push constants limit and up_offset. No bindings.

const uint PART_BIAS = 1u, PART_RESIDUAL = 2u, PART_SOFTCAP = 4u, PART_LIMIT = 8u, PART_SCALE = 16u,
           PART_SCALE_INPUT = 32u, PART_NORM = 64u;
bool part(uint bit) { return (PARTS & bit) != 0u; }

// The activated product; `up` matters only if gated.
float activated(float gate, float up) {
    if (GATED == 0u) return activate(ACTIVATION, gate);
    if (part(PART_LIMIT)) {
        gate = min(gate, push.limit);
        up = clamp(up, -push.limit, push.limit);
    }
    return activate(ACTIVATION, gate) * (up + push.up_offset);
}
