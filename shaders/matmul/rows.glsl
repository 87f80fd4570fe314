// SPDX-License-Identifier: Apache-2.0
// The product of a few rows of x with rows of W, used by matvec.comp and expert_matvec.comp. No bindings.
// Include weights.glsl, fetch.glsl and eights.glsl first. Needs the specialization constants LOCAL, LANES,
// ROWS, UNROLL, TOKENS and GATED, and two functions:
//   void load_x(uint m, uint k, int count, out vec4 a, out vec4 b)    row m of x at k .. k + 7, 0 from k + count on
//   uint w_at(uint row, bool up)                                      where a row of W (gated: of its up half) begins
// LANES threads share ROWS rows of W, each taking every LANES-th span: eight columns, or those
// of a block or half a block, which share words.

const uint PARTS_ROWS = ROWS * (GATED + 1u), VALUES = TOKENS * PARTS_ROWS, SPAN = IN_BLOCKS ? BLOCK_SPAN : 8u;

shared float sh_sum[LANES == 1u ? 1u : LOCAL * VALUES];

void add_eight(uint row, uint k, uint group, uint quarter, int count, inout float sum[VALUES]) {
    EIGHT w[PARTS_ROWS];
    [[unroll]] for (uint p = 0u; p < PARTS_ROWS; ++p)
        w[p] = eight_of_w(p >= ROWS, w_at(row + p % ROWS, p >= ROWS) + k, group, quarter, count);
    [[unroll]] for (uint m = 0u; m < TOKENS; ++m) {
        vec4 a, b;
        load_x(m, k + 32u * group + 8u * quarter, count, a, b);
        EIGHT x = eight_of_x(a, b);
        [[unroll]] for (uint p = 0u; p < PARTS_ROWS; ++p)
            sum[m * PARTS_ROWS + p] = multiply_eight_apart(x, w[p], sum[m * PARTS_ROWS + p]);
    }
}

void add_span(uint row, uint k, int count, inout float sum[VALUES]) {
    const uint groups = SPAN / 32u;
    if (groups == 0u) add_eight(row, k, 0u, 0u, count, sum);
    else if (TOKENS <= 2u) { // all in one piece, so that what groups and quarters share is read once
        [[unroll]] for (uint group = 0u; group < groups; ++group)
            [[unroll]] for (uint quarter = 0u; quarter < 4u; ++quarter) add_eight(row, k, group, quarter, count, sum);
    } else { // a piece a quarter: drivers would take seconds to compile the whole
        [[dont_unroll]] for (uint quarter = 0u; quarter < 4u; ++quarter)
            [[unroll]] for (uint group = 0u; group < groups; ++group) add_eight(row, k, group, quarter, count, sum);
    }
}

// sum[m * PARTS_ROWS + p] = row m of x times row `row` + p of W (from p = ROWS on: of its up half).
// All threads of the workgroup must come here. The sums are complete in every lane.
void multiply_rows(uint row, uint depth, out float sum[VALUES]) {
    uint thread = gl_LocalInvocationID.x, lane = thread % LANES;
    [[unroll]] for (uint v = 0u; v < VALUES; ++v) sum[v] = 0.0;
    const uint step_size = SPAN * LANES * UNROLL;
    uint whole = IN_BLOCKS ? depth : depth / step_size * step_size; // rows in blocks are whole spans
    for (uint k = lane * SPAN; k < whole; k += step_size)
        for (uint u = 0u; u < UNROLL; ++u) add_span(row, k + u * SPAN * LANES, 8, sum);
    if (!IN_BLOCKS)
        for (uint k = whole + lane * SPAN; k < depth; k += SPAN * LANES) add_span(row, k, int(depth - k), sum);
    if (LANES == 1u) return;
    barrier(); // the last call's sums have been read
    [[unroll]] for (uint v = 0u; v < VALUES; ++v) sh_sum[v * LOCAL + thread] = sum[v];
    for (uint half_size = LANES / 2u; half_size > 0u; half_size /= 2u) {
        barrier();
        if (lane < half_size)
            [[unroll]] for (uint v = 0u; v < VALUES; ++v)
                sh_sum[v * LOCAL + thread] += sh_sum[v * LOCAL + thread + half_size];
    }
    barrier();
    [[unroll]] for (uint v = 0u; v < VALUES; ++v) sum[v] = sh_sum[v * LOCAL + thread - lane];
}
