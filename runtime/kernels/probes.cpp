// SPDX-License-Identifier: Apache-2.0
#include "kernels/probes.hpp"
#include "probe_dot.gen.hpp"
#include "probe_functions.gen.hpp"
#include "probe_halves.gen.hpp"
#include "probe_lanes.gen.hpp"
#include "probe_layout.gen.hpp"
#include "vulkan/pipelines.hpp"

namespace weft::detail::kernel {

void probe_function(Recorder& r, ProbedFunction f, const Tensor& x, const Tensor& y) {
    weft_CHECK(x.count() == y.count(), "x and y must have the same number of elements");
    const auto n = uint32_t(x.count());
    r.dispatch<shader::probe_functions>(shader::probe_functions::Variant::core, {.FUNCTION = uint32_t(f)},
                                        {.x = x, .y = y}, {.count = n, .one = 1}, {.x = {n}});
}

void probe_halves(Recorder& r, const Tensor& x, const Tensor& y, const Tensor& z) {
    weft_CHECK(y.count() == 2 * x.count() && z.count() == x.count(), "y must be [n, 2] and z [n]");
    const auto n = uint32_t(x.count());
    r.dispatch<shader::probe_halves>(shader::probe_halves::Variant::core, {}, {.x = x, .y = y, .z = z}, {.pairs = n},
                                     {.x = {n}});
}

void probe_layout(Recorder& r, uint32_t threads, const Tensor& y) {
    weft_CHECK(y.count() == uint64_t(3) * threads, "y must be [threads, 3]");
    r.dispatch<shader::probe_layout>(shader::probe_layout::Variant::core, {.LOCAL = threads}, {.y = y}, {},
                                     {.x = {threads}});
}

void probe_lanes(Recorder& r, uint32_t threads, uint32_t mask, const Tensor& y) {
    weft_CHECK(y.count() == uint64_t(3) * threads, "y must be [threads, 3]");
    weft_CHECK(threads % r.machine().lanes == 0, "threads must make whole subgroups");
    r.dispatch<shader::probe_lanes>(shader::probe_lanes::Variant::core, {.LOCAL = threads}, {.y = y}, {.mask = mask},
                                    {.x = {threads}});
}

void probe_dot(Recorder& r, const Tensor& a, const Tensor& b, const Tensor& y) {
    weft_CHECK(a.count() == y.count() && b.count() == y.count(), "a, b and y must have the same number of words");
    const auto n = uint32_t(y.count());
    r.dispatch<shader::probe_dot>(shader::probe_dot::Variant::dot, {}, {.a = a, .b = b, .y = y}, {.count = n},
                                  {.x = {n}});
}

bool can_probe_dot(const Recorder& r) {
    return vk::usable(r.device(), shader::probe_dot::info, uint32_t(shader::probe_dot::Variant::dot));
}

} // namespace weft::detail::kernel
