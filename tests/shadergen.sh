#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Which indices of private arrays shadergen refuses (cmake/shadergen/indices.hpp), which capabilities and which shuffles,
# and what it says of workgroup memory: compiles small shaders with glslc ($1) and gives them to shadergen ($2), in a
# scratch folder ($3).
set -eu
glslc=$1 shadergen=$2 scratch=$3
mkdir -p "$scratch"
failed=0

# generates BODY [FUNCTIONS]: whether shadergen takes a shader with this main(), which may use the array a and the
# specialization constant N = 4. What it said is in $said.
generates() {
  cat >"$scratch/shader.comp" <<END
#version 450
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_KHR_shader_subgroup_shuffle : require
layout(local_size_x = 1) in;
layout(constant_id = 0) const uint N = 4u;
layout(binding = 0) buffer X { float x[]; };
float a[4];
${2:-}
void main() { $1 x[0] = a[0]; }
END
  "$glslc" --target-env=vulkan1.1 "$scratch/shader.comp" -o "$scratch/shader.spv" || exit 1
  said=$("$shadergen" shader "$scratch/shader.comp" "$scratch/shader.hpp" "$scratch/shader.cpp" "core||a test|$scratch/shader.spv" 2>&1)
}
takes() {
  if ! generates "$1" "${2:-}"; then
    failed=1
    printf 'FAILED: refuses %s\n%s\n' "$1" "$said"
  fi
}
refuses() { # NAME FUNCTION BODY [FUNCTIONS]: and says which array in which function
  if generates "$3" "${4:-}" || ! printf '%s\n' "$said" | grep -qx "  '$1' in $2"; then
    failed=1
    printf "FAILED: does not refuse '%s' in %s of %s\n%s\n" "$1" "$2" "$3" "$said"
  fi
}

takes 'a[3] = x[1];'
takes 'a[N / 2u] = x[1];'
takes '[[unroll]] for (uint i = 0u; i < 4u; ++i) a[i] = x[i];'
takes '[[unroll]] for (uint i = N; i > 0u; i /= 2u) a[i - 1u] = x[i];'
takes '[[unroll]] for (uint i = 0u; i < 2u; ++i) [[unroll]] for (uint j = i; j < N; ++j) { uint n = j - i; a[n] = x[n]; }'
takes '[[dont_unroll]] for (uint i = 0u; i < uint(x[0]); ++i) a[i] = x[i];'
takes '[[unroll]] for (uint i = 0u; i < N; ++i) put(i);' 'void put(uint n) { a[n] = x[n]; }'

refuses a main 'a[gl_WorkGroupID.x] = x[1];'
refuses a main 'for (uint i = 0u; i < 4u; ++i) a[i] = x[i];'
refuses a main '[[unroll]] for (uint i = 0u; i < uint(x[0]); ++i) a[i] = x[i];'
refuses a main '[[unroll]] for (uint i = uint(x[0]); i < N; ++i) a[i] = x[i];'
refuses a main '[[unroll]] for (uint i = 0u; i < N; ++i) { if (x[i] > 0.0) ++i; a[i] = 1.0; }'
refuses a main 'uint n = 0u; if (x[0] > 0.0) n = 1u; a[n] = 1.0;'
refuses a main 'uint n = 0u; for (uint i = 0u; i < N; ++i) { a[n] = x[i]; ++n; }'
refuses a main 'uint n = 3u; while (n > 0u && x[n] > 0.0) --n; a[n] = 1.0;'
refuses a main 'uint n = 0u; advance(n); a[n] = 1.0;' 'void advance(inout uint n) { n += uint(x[0]); }'
refuses a put 'put(uint(x[0]));' 'void put(uint n) { a[n] = x[n]; }'
refuses a put 'put(0u);' 'void put(uint n) { n += uint(x[0]); a[n] = x[n]; }'
refuses b put 'float c[4]; put(c); x[1] = c[0];' \
  'void put(out float b[4]) { for (uint i = 0u; i < N; ++i) b[i] = x[i]; }'
refuses v main 'vec4 v = vec4(x[1]); for (uint i = 0u; i < 4u; ++i) x[i] = v[i];'

takes_as() { # BYTES FUNCTIONS: of workgroup memory, as an expression of the specialization constants s
  takes '' "$2"
  if ! grep -qF "{ return $1; }" "$scratch/shader.cpp"; then
    failed=1
    printf 'FAILED: %s has not %s bytes\n%s\n' "$2" "$1" "$(grep return "$scratch/shader.cpp")"
  fi
}
takes_as '0' ''
takes_as '0 + 16ull * 3u' 'shared vec3 y[3];'
takes_as '0 + 4ull * s[0] + 8ull' 'shared uint y[N]; shared vec2 z;'
takes_as '0 + 4ull * 5u * ((s[0] > 1u) ? (s[0] * 4u) : 1u)' 'shared float y[N > 1u ? N * 4u : 1u][5];'

says() { # WORDS BODY: why it refuses that
  if generates "$2" || ! printf '%s\n' "$said" | grep -qF "$1"; then
    failed=1
    printf "FAILED: does not refuse '%s' with '%s'\n%s\n" "$2" "$1" "$said"
  fi
}
says 'declares the SPIR-V capability 39,' 'uint8_t b = uint8_t(x[0]); x[1] = float(b);'
takes 'x[gl_SubgroupInvocationID] = subgroupShuffleXor(x[gl_SubgroupInvocationID], 1u);'
says 'must be told apart by gl_SubgroupID' \
  'x[gl_LocalInvocationID.x] = subgroupShuffleXor(x[gl_LocalInvocationID.x], 1u);'
[ "$failed" = 0 ]
