// SPDX-License-Identifier: Apache-2.0
// The product of a few rows of x with rows of W, used by matvec.comp and expert_matvec.comp. No bindings.
// Include lib/lane.glsl, weights.glsl, fetch.glsl, eights.glsl and epilogue.glsl first. Needs the specialization
// constants LOCAL, LANES, ROWS, UNROLL, SPREAD, TOKENS and GATED, and three functions:
//   void load_x(uint m, uint k, int count, out vec4 a, out vec4 b)    row m of x at k .. k + 7, 0 from k + count on
//   void load_norm(uint k, int count, out vec4 a, out vec4 b)         the norm's weights there
//   uint w_at(uint row, bool up)                                      where a row of W (gated: of its up half) begins
// LANES threads share ROWS rows of W, each taking every LANES-th span: eight columns, or those
// of a block or half a block, which share words.
// With SPREAD = 4, four lanes share a span of blocks, each taking a quarter of every group: neighbours read
// neighbouring words, as GPUs want it. With SPREAD = 1 a lane has a span to itself, and unpacks each word once.
// With PART_NORM the rows of x are divided by their root mean square and multiplied by the norm's weights
// (RMSNorm) on the way in: a lane that reads x anyway adds up its squares, and the sums are divided in the end.

const uint PARTS_ROWS = ROWS * (GATED + 1u), VALUES = TOKENS * PARTS_ROWS, SPAN = IN_BLOCKS ? BLOCK_SPAN : 8u;
const bool NORMED = (PARTS & PART_NORM) != 0u;
const uint SHARE = IN_BLOCKS ? SPREAD : 1u;               // lanes that share a span
const uint SUMS = VALUES + (NORMED ? TOKENS : 0u);        // the last ones are sums of x's squares

#ifndef SUBGROUP
shared float sh_sum[LANES == 1u ? 1u : LOCAL * SUMS];
#endif

void add_eight(uint row, uint k, uint group, uint quarter, int count, inout float sum[SUMS]) {
    EIGHT w[PARTS_ROWS];
    [[unroll]] for (uint p = 0u; p < PARTS_ROWS; ++p)
        w[p] = eight_of_w(p >= ROWS, w_at(row + p % ROWS, p >= ROWS) + k, group, quarter, count);
    vec4 na, nb;
    if (NORMED) load_norm(k + 32u * group + 8u * quarter, count, na, nb);
    [[unroll]] for (uint m = 0u; m < TOKENS; ++m) {
        vec4 a, b;
        load_x(m, k + 32u * group + 8u * quarter, count, a, b);
        if (NORMED) {
            sum[VALUES + m] += dot(a, a) + dot(b, b);
            a *= na;
            b *= nb;
        }
        EIGHT x = eight_of_x(a, b);
        [[unroll]] for (uint p = 0u; p < PARTS_ROWS; ++p)
            sum[m * PARTS_ROWS + p] = multiply_eight_apart(x, w[p], sum[m * PARTS_ROWS + p]);
    }
}

void add_span(uint row, uint k, uint share, int count, inout float sum[SUMS]) {
    const uint groups = SPAN / 32u;
    if (groups == 0u) add_eight(row, k, 0u, 0u, count, sum);
    else if (SHARE == 4u && TOKENS <= 2u) {
        [[unroll]] for (uint group = 0u; group < groups; ++group) add_eight(row, k, group, share, count, sum);
    } else if (SHARE == 4u) { // a piece at a time: with many sums its words would not fit beside them
        [[dont_unroll]] for (uint group = 0u; group < groups; ++group) add_eight(row, k, group, share, count, sum);
    } else if (TOKENS <= 2u) { // all in one piece, so that what groups and quarters share is read once
        [[unroll]] for (uint group = 0u; group < groups; ++group)
            [[unroll]] for (uint quarter = 0u; quarter < 4u; ++quarter) add_eight(row, k, group, quarter, count, sum);
    } else { // a piece a quarter: drivers would take seconds to compile the whole
        [[dont_unroll]] for (uint quarter = 0u; quarter < 4u; ++quarter)
            [[unroll]] for (uint group = 0u; group < groups; ++group) add_eight(row, k, group, quarter, count, sum);
    }
}

// Adds up over the LANES threads of a row, always in the order of a tree over powers of two; complete in every lane.
void add_lanes(uint thread, inout float sum[SUMS]) {
#ifdef SUBGROUP
    [[unroll]] for (uint apart = LANES / 2u; apart > 0u; apart /= 2u)
        [[unroll]] for (uint v = 0u; v < SUMS; ++v) sum[v] += subgroupShuffleXor(sum[v], apart);
#else
    uint lane = thread % LANES;
    barrier(); // the last call's sums have been read
    [[unroll]] for (uint v = 0u; v < SUMS; ++v) sh_sum[v * LOCAL + thread] = sum[v];
    for (uint half_size = LANES / 2u; half_size > 0u; half_size /= 2u) {
        barrier();
        if (lane < half_size)
            [[unroll]] for (uint v = 0u; v < SUMS; ++v)
                sh_sum[v * LOCAL + thread] += sh_sum[v * LOCAL + thread + half_size];
    }
    barrier();
    [[unroll]] for (uint v = 0u; v < SUMS; ++v) sum[v] = sh_sum[v * LOCAL + thread - lane];
#endif
}

// sum[m * PARTS_ROWS + p] = row m of x times row `row` + p of W (from p = ROWS on: of its up half).
// All threads of the workgroup must come here. The sums are complete in every lane.
void multiply_rows(uint row, uint depth, float eps, out float sum[SUMS]) {
    uint thread = lane_index(), lane = thread % LANES, share = lane % SHARE;
    [[unroll]] for (uint v = 0u; v < SUMS; ++v) sum[v] = 0.0;
    const uint stride = SPAN * (LANES / SHARE);
    uint whole = IN_BLOCKS ? depth : depth / (stride * UNROLL) * (stride * UNROLL); // rows in blocks are whole spans
    for (uint k = lane / SHARE * SPAN; k < whole; k += stride * UNROLL)
        [[unroll]] for (uint u = 0u; u < UNROLL; ++u) add_span(row, k + u * stride, share, 8, sum);
    if (!IN_BLOCKS)
        for (uint k = whole + lane * SPAN; k < depth; k += stride) add_span(row, k, 0u, int(depth - k), sum);
    if (LANES > 1u) add_lanes(thread, sum);
    if (NORMED)
        [[unroll]] for (uint m = 0u; m < TOKENS; ++m) {
            float factor = inversesqrt(sum[VALUES + m] / float(depth) + eps);
            [[unroll]] for (uint p = 0u; p < PARTS_ROWS; ++p) sum[m * PARTS_ROWS + p] *= factor;
        }
}
