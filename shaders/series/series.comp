// SPDX-License-Identifier: Apache-2.0
// Channels of time series, scaled by what they are over the whole of it (Kim et al. 2022, Reversible Instance
// Normalization, equations 1 and 3), in patches (Nie et al. 2023, PatchTST, section 3.1), and back:
//   y[r, j] = (v[start + (w - lead) stride + j] - loc) / scale, 0 where w < lead; or, with BACK, x[r, j] * scale + loc
// of the channel v[0..n) and the column w that row r has; start = (n - PATCH) % stride, so that patches end where the
// series does. With m[t] = 1 where a value was observed and else 0:
//   KIND 0: loc = 0, scale = 1
//   KIND 1: loc = sum m v / sum m, scale = sqrt(sum m (v - loc)^2 / sum m + least)
//   KIND 2: loc = 0, scale = max(sum m |v| / sum m, least), `otherwise` in place of a mean of nothing
// One workgroup does one row, and sums for itself: the few values of a channel come from cache. What they are apart
// from the first of them is summed and scaled, since many series lie far from 0.
// Bytes: 8 a value and patch, 4 an element of y (BACK: 8).
#version 450

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint KIND = 1u;
layout(constant_id = 2) const uint BACK = 0u;

layout(push_constant) uniform Push {
    uint columns, stride, lead; // columns: of y
    float least, otherwise;
    uint x_stride, x_start, y_stride, y_start;
} push;
layout(binding = 0) readonly buffer Values { float values[]; }; // of each series [2, C, n]: values, what was observed
layout(binding = 1) readonly buffer Series { uint series[]; };  // [S, 4] offset in values, C, n, -
layout(binding = 2) readonly buffer TokenSequence { uint token_sequence[]; }; // [T]
layout(binding = 3) readonly buffer Channels { uint channels[]; };            // [T]
layout(binding = 4) readonly buffer Columns { uint columns[]; };              // [T] w
layout(binding = 5) readonly buffer X { float x[]; };                         // [T, columns]
layout(binding = 6) writeonly buffer Y { float y[]; };                        // [T, columns]

shared float sh_sum[LOCAL];

float observed(uint at) { return values[at] != 0.0 ? 1.0 : 0.0; }

float workgroup_sum(float value) {
    uint i = gl_LocalInvocationID.x;
    sh_sum[i] = value;
    barrier();
    for (uint half_size = LOCAL / 2u; half_size > 0u; half_size /= 2u) {
        if (i < half_size) sh_sum[i] += sh_sum[i + half_size];
        barrier();
    }
    float total = sh_sum[0];
    barrier();
    return total;
}

void main() {
    uint row = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x, one = token_sequence[row] * 4u;
    uint height = series[one + 1u], n = series[one + 2u];
    uint from = series[one] + min(channels[row], height - 1u) * n, seen = from + height * n;
    float pivot = KIND == 1u ? values[from] : 0.0, rest = 0.0, scale = 1.0; // loc = pivot + rest
    if (KIND != 0u) {
        float sum = 0.0, count = 0.0;
        for (uint t = lane; t < n; t += LOCAL) {
            float m = observed(seen + t), v = values[from + t] - pivot;
            sum += m * (KIND == 1u ? v : abs(v));
            count += m;
        }
        sum = workgroup_sum(sum);
        count = workgroup_sum(count);
        float mean = sum / max(count, 1.0);
        if (KIND == 1u) {
            float squares = 0.0;
            for (uint t = lane; t < n; t += LOCAL) {
                float d = (values[from + t] - pivot) - mean;
                squares += observed(seen + t) * d * d;
            }
            scale = sqrt(workgroup_sum(squares) / max(count, 1.0) + push.least);
            rest = count > 0.0 ? mean : -pivot;
        } else scale = max(count > 0.0 ? mean : push.otherwise, push.least);
    }
    uint to = row * push.y_stride + push.y_start;
    if (BACK != 0u) {
        uint at = row * push.x_stride + push.x_start;
        for (uint j = lane; j < push.columns; j += LOCAL) y[to + j] = x[at + j] * scale + (pivot + rest);
        return;
    }
    uint w = columns[row], start = (n - push.columns) % push.stride;
    bool before = w < push.lead;
    uint begin = from + (before ? 0u : start + (w - push.lead) * push.stride);
    for (uint j = lane; j < push.columns; j += LOCAL) {
        float v = ((values[begin + j] - pivot) - rest) / scale;
        y[to + j] = before ? 0.0 : v;
    }
}
