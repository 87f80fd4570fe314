// SPDX-License-Identifier: Apache-2.0
// Patches of pictures as rows: with a product behind it, a convolution (Chellapilla et al. 2006, section 3.1), and what
// vision transformers begin with (Dosovitskiy et al. 2020, equation 1).
//   y[r, (c, i, j)] = x[c, h stride_y + i - pad_y, w stride_x + j - pad_x], 0 outside of the picture,
//   of the picture and at the place (h, w) that row r has; 0 for a row that is nowhere
// One lane takes four neighbouring elements of y, so that it looks up its row once for all.
// Bytes: 8 an element.
#version 450
#extension GL_EXT_control_flow_attributes : require

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LOCAL_X = 128u;
layout(constant_id = 1) const uint LOCAL_Y = 1u;
layout(constant_id = 2) const uint PATCH_Y = 16u;
layout(constant_id = 3) const uint PATCH_X = 16u;

layout(push_constant) uniform Push {
    uint columns, rows, position_stride; // columns: channels * PATCH_Y * PATCH_X
    uint stride_y, stride_x, pad_y, pad_x, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer X { float x[]; };                         // pictures, each [C, height, width]
layout(binding = 1) readonly buffer Pictures { uint pictures[]; };            // [S, 4] offset in x, height, width, -
layout(binding = 2) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 3) readonly buffer Positions { uint positions[]; };          // [2, T] h, then w
layout(binding = 4) writeonly buffer Y { float y[]; };                        // [T, C * PATCH_Y * PATCH_X]

const uint NOWHERE = 0xffffffffu;

void main() {
    uint column = gl_GlobalInvocationID.x * 4u, row = gl_GlobalInvocationID.y;
    if (column >= push.columns || row >= push.rows) return;
    uint picture = token_sequence[row] * 4u, start = pictures[picture], height = pictures[picture + 1u],
         width = pictures[picture + 2u];
    if (positions[row] == NOWHERE) height = 0u; // nothing is inside
    // Above and left of the picture these wrap to numbers that lie beyond it, too.
    uint top = positions[row] * push.stride_y - push.pad_y;
    uint left = positions[push.position_stride + row] * push.stride_x - push.pad_x;
    uint to = row * push.y_stride + push.y_start + column;
    uint channel = column / (PATCH_Y * PATCH_X), i = column / PATCH_X % PATCH_Y, j = column % PATCH_X;
    [[unroll]] for (uint e = 0u; e < 4u; ++e) {
        uint h = top + i, w = left + j;
        bool inside = h < height && w < width;
        float v = x[inside ? start + (channel * height + h) * width + w : 0u]; // without a branch
        if (column + e < push.columns) y[to + e] = inside ? v : 0.0;
        ++j;
        if (j == PATCH_X) {
            j = 0u;
            ++i;
        }
        if (i == PATCH_Y) {
            i = 0u;
            ++channel;
        }
    }
}
