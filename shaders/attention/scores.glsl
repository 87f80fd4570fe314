// SPDX-License-Identifier: Apache-2.0
// What the attention kernels share: which keys a query sees, what happens to a score. No bindings. Include
// lib/math.glsl first.

// Bits of OPTIONS; kernels/attention.cpp has the same numbers.
const uint CAUSAL = 1u, WINDOW = 2u, AHEAD = 4u, CHUNK = 8u, SOFTCAP = 16u, SINKS = 32u, BIAS = 64u, LSE = 128u,
           CROSS = 256u, BIAS_GRID = 512u, PACKED = 1024u, SPANS = 2048u;

const float LOWEST = -3.0e38; // a maximum of nothing: finite, so that differences are never inf - inf

// A query at `position` of a sequence with `keys` keys sees the keys [x, y). Both ends grow with the position. `span`:
// where those end that it sees though they are behind it; 0: there are none.
uvec2 visible_keys(uint options, uint position, uint keys, uint window, uint ahead, uint chunk, uint span) {
    uvec2 range = uvec2(0u, keys);
    if ((options & CAUSAL) != 0u) range.y = min(range.y, max(position + 1u, span));
    if ((options & AHEAD) != 0u) range.y = min(range.y, position + ahead);
    if ((options & WINDOW) != 0u) range.x = position + 1u - min(position + 1u, window);
    if ((options & CHUNK) != 0u) {
        uint start = position - position % chunk;
        range = uvec2(max(range.x, start), min(range.y, start + chunk));
    }
    return range;
}

float cap_score(uint options, float score, float cap) {
    return (options & SOFTCAP) != 0u ? cap * tanh_exact(score / cap) : score;
}

// Where the bias of a query head for a key stands: in a table [H, columns] by their distance, or with BIAS_GRID, [H,
// side, side], by their distances down and across, tokens being the places of a rectangle `across` wide, row by row.
uint bias_index(uint options, uint head, uint position, uint key, int offset, uint side, uint columns, uint across) {
    if ((options & BIAS_GRID) != 0u) {
        uvec2 q = uvec2(position / across, position % across), k = uvec2(key / across, key % across);
        uvec2 at = min(q + side / 2u - min(k, q + side / 2u), uvec2(side - 1u));
        return (head * side + at.x) * side + at.y;
    }
    return head * columns + uint(clamp(int(key) - int(position) + offset, 0, int(columns) - 1));
}
