// SPDX-License-Identifier: Apache-2.0
// Functions that GLSL lacks or specifies too loosely (Vulkan allows sin an error of 2^-11). No bindings.

const float LOG2_E = 1.44269504088896341;

// log(1 + x) for x > -1 without losing the digits of a small x (Kahan).
float log1p(float x) {
    precise float u = 1.0 + x;
    precise float d = u - 1.0;
    return d == 0.0 ? x : log(u) * (x / d);
}

// log(1 + e) for -1/2 <= e <= 1 as 2 atanh(e / (2 + e)) by its series, to 3 units of roundoff. Vulkan lets log be
// off by 2^-21 between 0.5 and 2, which would leave a small result with few digits.
float log1p_unit(float e) {
    float s = e / (2.0 + e), z = s * s;
    float p = 1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0 + z * (1.0 / 13.0)))));
    return 2.0 * s + 2.0 * s * (z * p);
}

float softplus(float x) { return max(x, 0.0) + log1p_unit(exp(-abs(x))); }

float sigmoid(float x) { return 1.0 / (1.0 + exp(-x)); }

float silu(float x) { return x / (1.0 + exp(-x)); }

// tanh by exp of a negative number only: no overflow; small x by its series, where the quotient would cancel.
float tanh_exact(float x) {
    float a = abs(x);
    if (a < 0.02) return x * (1.0 - x * x * (1.0 / 3.0));
    float e = exp(-2.0 * a);
    return sign(x) * (1.0 - e) / (1.0 + e);
}

float gelu_tanh(float x) { return 0.5 * x * (1.0 + tanh_exact(0.79788456080286536 * (x + 0.044715 * x * x * x))); }

// erfc(x) for x >= 0: W. J. Cody, Rational Chebyshev approximations for the error function (1969), in the form of
// Numerical Recipes' erfcc; relative error 1.2e-7.
float erfc_positive(float x) {
    float t = 1.0 / (1.0 + 0.5 * x);
    float p = -1.26551223 +
              t * (1.00002368 +
                   t * (0.37409196 +
                        t * (0.09678418 +
                             t * (-0.18628806 +
                                  t * (0.27886807 +
                                       t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
    return t * exp(-x * x + p);
}

float gelu_erf(float x) {
    float c = erfc_positive(abs(x) * 0.70710678118654752);
    return x < 0.0 ? 0.5 * x * c : x - 0.5 * x * c;
}

// sin and cos of any angle up to about 1e6: reduction by multiples of pi/2 in three parts, of which k times the first
// two is exact, then the minimax polynomials of Cephes (sinf, cosf).
vec2 cos_sin(float angle) {
    precise float k = round(angle * 0.636619772367581343);
    precise float r = angle - k * 1.5625;
    r = r - k * 8.30078125e-3;
    r = r + k * 4.45445510338077e-6;
    float z = r * r;
    float s = r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 + z * -1.9515295891e-4));
    float c = 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
    uint q = uint(int(k)) & 3u;
    if (q == 0u) return vec2(c, s);
    if (q == 1u) return vec2(-s, c);
    if (q == 2u) return vec2(-c, -s);
    return vec2(s, -c);
}
