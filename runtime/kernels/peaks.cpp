// SPDX-License-Identifier: Apache-2.0
#include "kernels/peaks.hpp"
#include "peak_copy.gen.hpp"
#include "peak_fma.gen.hpp"

namespace weft::detail::kernel {

void peak_copy(Recorder& r, const Tensor& x, const Tensor& y) {
    weft_CHECK(x.count() == y.count() && x.count() % 4 == 0,
               "x and y must have the same number of words, a multiple of 4");
    const auto n = uint32_t(x.count() / 4);
    r.dispatch<shader::peak_copy>(shader::peak_copy::Variant::core, {}, {.x = x, .y = y}, {.count = n}, {.x = {n}});
}

void peak_fma(Recorder& r, const Tensor& y) {
    r.dispatch<shader::peak_fma>(shader::peak_fma::Variant::core, {}, {.y = y}, {.a = 0.999f, .b = 0.001f},
                                 {.x = {uint32_t(y.count())}});
}

} // namespace weft::detail::kernel
