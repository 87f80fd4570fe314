// SPDX-License-Identifier: Apache-2.0
// Learned positions of a square of patches, resampled to the patches that a picture has (Dosovitskiy et al. 2020,
// section 3.2: interpolated at other resolutions).
//   y[t, :] = residual[t, :] + scale * sum over i, j of u_i(h) u_j(w) table[row_i(h), column_j(w), :]
// Along an axis of n patches the place of patch p in a table of N is p (N - 1) / (n - 1) where corners meet, else
// (p + 1/2) N / n - 1/2; weights are those of two neighbours, or of four by the cubic of Keys 1981, equation 4, with
// a = -3/4; places beyond the table are those at its ends. Rows that are nowhere in the picture have no position.
// One lane takes one element; neighbours read the same rows. Cost: 4 to 16 reads an element, 8 bytes of them new.
#version 450
#extension GL_EXT_control_flow_attributes : require

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 64u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint CUBIC = 0u;
layout(constant_id = 3) const uint CORNERS = 1u; // 1: those of the table and of the picture meet

layout(push_constant) uniform Push {
    uint columns, rows, side, axis_stride;
    uint patch_y, patch_x, stride_y, stride_x, pad_y, pad_x; // how pictures are cut
    uint y_stride, y_start, residual_stride, residual_start;
    float scale;
} push;
layout(binding = 0) readonly buffer Table { float table[]; };                 // [side, side, D]
layout(binding = 1) readonly buffer Pictures { uint pictures[]; };            // [S, 4] -, height, width, -
layout(binding = 2) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 3) readonly buffer Axes { uint axes[]; };                    // [2, T] h, then w
layout(binding = 4) readonly buffer Residual { float residual[]; };           // [T, D]
layout(binding = 5) writeonly buffer Y { float y[]; };                        // [T, D]

float weight_at(float distance) {
    if (CUBIC == 0u) return max(1.0 - distance, 0.0);
    const float a = -0.75;
    return distance <= 1.0 ? ((a + 2.0) * distance - (a + 3.0)) * distance * distance + 1.0
                           : ((a * distance - 5.0 * a) * distance + 8.0 * a) * distance - 4.0 * a;
}

float place_of(uint p, uint count) {
    precise float at = CORNERS == 1u ? float(p) * float(push.side - 1u) / float(max(count - 1u, 1u))
                                     : (float(p) + 0.5) * float(push.side) / float(count) - 0.5;
    return at;
}

void main() {
    uint c = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
    if (c >= push.columns || row >= push.rows) return;
    uint picture = token_sequence[row] * 4u;
    uint down = (pictures[picture + 1u] + 2u * push.pad_y - push.patch_y) / push.stride_y + 1u,
         across = (pictures[picture + 2u] + 2u * push.pad_x - push.patch_x) / push.stride_x + 1u;
    uint h = axes[row], w = axes[push.axis_stride + row];
    float sum = 0.0;
    if (h < down && w < across) {
        float top = place_of(h, down), left = place_of(w, across);
        int first_row = int(floor(top)), first_column = int(floor(left)), last = int(push.side) - 1;
        const int from = CUBIC == 1u ? -1 : 0, to = CUBIC == 1u ? 2 : 1;
        [[unroll]] for (int i = from; i <= to; ++i) {
            uint table_row = uint(clamp(first_row + i, 0, last)) * push.side;
            float u = weight_at(abs(top - float(first_row + i)));
            [[unroll]] for (int j = from; j <= to; ++j) {
                uint at = table_row + uint(clamp(first_column + j, 0, last));
                sum += u * weight_at(abs(left - float(first_column + j))) * table[at * push.columns + c];
            }
        }
    }
    y[row * push.y_stride + push.y_start + c] =
        residual[row * push.residual_stride + push.residual_start + c] + push.scale * sum;
}
