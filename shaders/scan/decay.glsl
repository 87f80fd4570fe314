// SPDX-License-Identifier: Apache-2.0
// Decays inside a chunk. Sums of logarithms over the very tokens between two rows: differences of cumulative sums would
// lose digits where the decay is strong. Include chunk.glsl first; the shader declares ACROSS. No bindings.

shared float sh_decay[CHUNK]; // logarithm of each row's decay, <= 0; 0 beyond the sequence

// exp of the sum over (column, row], for columns [column, column + ACROSS); 0 above the diagonal.
void decays(uint row, uint column, out float decay[ACROSS]) {
    float sum = 0.0;
    for (uint t = column + ACROSS; t <= row; ++t) sum += sh_decay[t];
    [[unroll]] for (uint n = 0u; n < ACROSS; ++n) {
        uint c = column + ACROSS - 1u - n;
        decay[ACROSS - 1u - n] = c <= row ? exp(sum) : 0.0;
        if (c <= row) sum += sh_decay[c];
    }
}

// exp of the sums up to and with the row, after it, and over the chunk.
vec3 decays_around(uint row) {
    vec2 sum = vec2(0.0);
    for (uint t = 0u; t < CHUNK; ++t) sum += t <= row ? vec2(sh_decay[t], 0.0) : vec2(0.0, sh_decay[t]);
    return exp(vec3(sum, sum.x + sum.y));
}
