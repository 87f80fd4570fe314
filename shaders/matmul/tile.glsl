// SPDX-License-Identifier: Apache-2.0
// The tiled product of BM rows of x with BN rows of W, used by matmul.comp and expert_matmul.comp. No bindings.
// Include weights.glsl, fetch.glsl and eights.glsl first. Needs the specialization constants LOCAL, TX,
// TM, TN, KC, DIRECT and GATED, and two functions:
//   vec4 load_x(uint m, uint k)              row m of the tile at k .. k + 3, 0 beyond K
//   uint w_at(uint j, uint tx, bool up)      where row tx + j * TX of the tile's W begins; up: it is of the up half
// TX threads side by side have different rows of W, LOCAL / TX groups of them different rows of x;
// each thread sums TM x TN products.
// With DIRECT = 1 a thread reads its rows of W itself, and only x goes through shared memory. That is for devices whose
// lanes load one by one anyway: with TX = LOCAL all lanes read the same element of x, one load for all.

const uint BM = TM * (LOCAL / TX), BN = TN * TX, SUMS = TM * TN;
const uint EIGHTS = KC / 8u;
const uint STAGED_ROWS = DIRECT == 1u ? 1u : BN;

#ifdef DOT
const uint STRIDE = EIGHTS + 1u;
shared uvec4 sh_x[BM * STRIDE];
shared uvec4 sh_w[STAGED_ROWS * STRIDE];
void put_x(uint row, uint q, EIGHT e) { sh_x[row * STRIDE + q] = e; }
void put_w(uint row, uint q, EIGHT e) { sh_w[row * STRIDE + q] = e; }
EIGHT get_x(uint row, uint q) { return sh_x[row * STRIDE + q]; }
EIGHT get_w(uint row, uint q) { return sh_w[row * STRIDE + q]; }
#else
// With KC = 16, eight threads that read a vec4 each from eight rows touch all 32 banks once.
const uint STRIDE = 2u * EIGHTS + 1u;
shared vec4 sh_x[BM * STRIDE];
shared vec4 sh_w[STAGED_ROWS * STRIDE];
void put_x(uint row, uint q, EIGHT e) {
    sh_x[row * STRIDE + 2u * q] = e.a;
    sh_x[row * STRIDE + 2u * q + 1u] = e.b;
}
void put_w(uint row, uint q, EIGHT e) {
    sh_w[row * STRIDE + 2u * q] = e.a;
    sh_w[row * STRIDE + 2u * q + 1u] = e.b;
}
EIGHT get_x(uint row, uint q) { return EIGHT(sh_x[row * STRIDE + 2u * q], sh_x[row * STRIDE + 2u * q + 1u]); }
EIGHT get_w(uint row, uint q) { return EIGHT(sh_w[row * STRIDE + 2u * q], sh_w[row * STRIDE + 2u * q + 1u]); }
#endif

uint tile_x() { return TX == LOCAL ? gl_LocalInvocationID.x : gl_LocalInvocationID.x % TX; }
uint tile_y() { return TX == LOCAL ? 0u : gl_LocalInvocationID.x / TX; }

EIGHT load_w(uint j, uint tx, uint k) {
    bool up = GATED == 1u && j >= TN / 2u;
    return eight_of_w(up, w_at(j, tx, up), k / 32u, k % 32u / 8u, int(push.depth) - int(k));
}

float sum[SUMS]; // [TM, TN]: row tile_y() * TM + m of x times row tile_x() + j * TX of W
EIGHT own_w[TN]; // the thread's rows of W, at the eight columns that are multiplied

void add_products(uint m, uint q) {
    EIGHT x = get_x(tile_y() * TM + m, q);
    [[unroll]] for (uint j = 0u; j < TN; ++j) sum[m * TN + j] = multiply_eight(x, own_w[j], sum[m * TN + j]);
}

void multiply(uint depth) {
    uint tx = tile_x();
    [[unroll]] for (uint i = 0u; i < SUMS; ++i) sum[i] = 0.0;
    for (uint k0 = 0u; k0 < depth; k0 += KC) {
        barrier(); // the last step's values have been read
        for (uint i = gl_LocalInvocationID.x; i < BM * EIGHTS; i += LOCAL) {
            uint m = i / EIGHTS, q = i % EIGHTS, k = k0 + q * 8u;
            put_x(m, q, eight_of_x(load_x(m, k), load_x(m, k + 4u)));
        }
        if (DIRECT == 0u)
            for (uint i = gl_LocalInvocationID.x; i < BN * EIGHTS; i += LOCAL)
                put_w(i / EIGHTS, i % EIGHTS, load_w(i / EIGHTS / TX, i / EIGHTS % TX, k0 + i % EIGHTS * 8u));
        barrier();
        uint eights = (min(KC, depth - k0) + 7u) / 8u;
        for (uint q = 0u; q < eights; ++q) {
            [[unroll]] for (uint j = 0u; j < TN; ++j) {
                if (DIRECT == 1u) own_w[j] = load_w(j, tx, k0 + q * 8u);
                else own_w[j] = get_w(tx + j * TX, q);
            }
            [[unroll]] for (uint m = 0u; m < TM; ++m) add_products(m, q);
        }
    }
}
