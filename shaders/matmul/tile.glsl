// SPDX-License-Identifier: Apache-2.0
// The tiled product of BM rows of x with BN rows of W, used by matmul.comp and expert_matmul.comp. No bindings.
// Include weights.glsl first. Needs the specialization constants LOCAL, TX, TM, TN, KC and DIRECT, and two functions:
//   vec4 load_x(uint m, uint k)                                    row m of the tile at k .. k + 3, 0 beyond K
//   void load_w(uint j, uint tx, uint k, out vec4 a, out vec4 b)   row tx + j * TX of the tile's W at k .. k + 7, 0 beyond K
// TX threads side by side have different rows of W, LOCAL / TX groups of them different rows of x; each thread sums TM x TN products.
// With DIRECT = 1 a thread reads its rows of W itself, and only x goes through shared memory. That is for devices whose lanes load one by one anyway: with
// TX = LOCAL all lanes read the same element of x, one load for all.

const uint BM = TM * (LOCAL / TX), BN = TN * TX, SUMS = TM * TN;
const uint QUADS = KC / 4u;
const uint STRIDE = QUADS + 1u; // with KC = 16, eight threads that read a vec4 each from eight rows touch all 32 banks once
const uint STAGED_ROWS = DIRECT == 1u ? 1u : BN;

shared vec4 sh_x[BM * STRIDE];
shared vec4 sh_w[STAGED_ROWS * STRIDE];

uint tile_x() { return TX == LOCAL ? gl_LocalInvocationID.x : gl_LocalInvocationID.x % TX; }
uint tile_y() { return TX == LOCAL ? 0u : gl_LocalInvocationID.x / TX; }

void stage_w(uint k0) {
    for (uint i = gl_LocalInvocationID.x; i < BN * QUADS / 2u; i += LOCAL) {
        uint c = i / (QUADS / 2u), at = c * STRIDE + i % (QUADS / 2u) * 2u;
        load_w(c / TX, c % TX, k0 + i % (QUADS / 2u) * 8u, sh_w[at], sh_w[at + 1u]);
    }
}

// sum[m * TN + j] = row tile_y() * TM + m of x times row tile_x() + j * TX of W.
void multiply(uint depth, out float sum[SUMS]) {
    uint tx = tile_x(), ty = tile_y();
    for (uint i = 0u; i < SUMS; ++i) sum[i] = 0.0;
    for (uint k0 = 0u; k0 < depth; k0 += KC) {
        barrier(); // the last step's values have been read
        for (uint i = gl_LocalInvocationID.x; i < BM * QUADS; i += LOCAL) sh_x[i / QUADS * STRIDE + i % QUADS] = load_x(i / QUADS, k0 + i % QUADS * 4u);
        if (DIRECT == 0u) stage_w(k0);
        barrier();
        uint eights = (min(KC, depth - k0) + 7u) / 8u;
        for (uint q = 0u; q < eights; ++q) {
            vec4 wa[TN], wb[TN];
            for (uint j = 0u; j < TN; ++j) {
                uint at = (tx + j * TX) * STRIDE + 2u * q;
                if (DIRECT == 1u) load_w(j, tx, k0 + q * 8u, wa[j], wb[j]);
                else wa[j] = sh_w[at], wb[j] = sh_w[at + 1u];
            }
            for (uint m = 0u; m < TM; ++m) {
                vec4 xa = sh_x[(ty * TM + m) * STRIDE + 2u * q], xb = sh_x[(ty * TM + m) * STRIDE + 2u * q + 1u];
                for (uint j = 0u; j < TN; ++j) sum[m * TN + j] = dot4(xb, wb[j], dot4(xa, wa[j], sum[m * TN + j]));
            }
        }
    }
}
