// SPDX-License-Identifier: Apache-2.0
#include "selftest/probes.hpp"
#include "base/half.hpp"
#include "cases/case.hpp"
#include "kernels/measure_peaks.hpp"
#include "kernels/probes.hpp"
#include <algorithm>
#include <bit>
#include <cmath>

namespace weft::detail {
namespace {

using kernel::CaseContext;
using kernel::ProbedFunction;
using Probes = std::vector<SelftestProbe>;

std::string number(double v, const char* format = "%.3g") {
    char text[32];
    std::snprintf(text, sizeof text, format, v);
    return text;
}

// "all 1024", or so many of them, which is a fault.
SelftestProbe all_of(const std::string& name, size_t right, size_t count) {
    return {name, "all " + std::to_string(count), std::to_string(right), right == count};
}

Result<std::vector<float>> applied(vk::Device& device, ProbedFunction f, const std::vector<float>& x) {
    CaseContext ctx(device, 1);
    const auto n = uint32_t(x.size());
    kernel::probe_function(ctx.recorder(), f, ctx.input("x", DType::f32, {n}, x), ctx.output("y", DType::f32, {n}));
    weft_TRY(ctx.run());
    return ctx.data("y");
}

// The distance of 32-bit floats at v.
double unit_at(double v) {
    return std::ldexp(1, std::max(std::ilogb(std::abs(v) < 0x1p-126 ? 0x1p-126 : v), -126) - 23);
}

// A function of the device's own. `units`: how far off Vulkan lets it be, in units in the last place.
struct Function {
    const char* name;
    ProbedFunction probed;
    double first, last;
    double (*exact)(double);
    double (*allowed)(double x, double y); ///< how far off y may be
    const char* rule;
};
const Function kFunctions[] = {
    {"exp", ProbedFunction::exp, -80, 80, [](double x) { return std::exp(x); },
     [](double x, double y) { return (3 + 2 * std::abs(x)) * unit_at(y); }, "3 + 2 |x| ulp"},
    {"log", ProbedFunction::log, 1e-6, 1e6, [](double x) { return std::log(x); },
     [](double x, double y) { return x >= 0.5 && x <= 2 ? 0x1p-21 : 3 * unit_at(y); }, "3 ulp, 2^-21 near 1"},
    {"sin", ProbedFunction::sin, -3.14, 3.14, [](double x) { return std::sin(x); },
     [](double, double) { return 0x1p-11; }, "2^-11"},
    {"1 / sqrt", ProbedFunction::inversesqrt, 1e-6, 1e6, [](double x) { return 1 / std::sqrt(x); },
     [](double, double y) { return 2 * unit_at(y); }, "2 ulp"},
    {"sqrt", ProbedFunction::sqrt, 1e-6, 1e6, [](double x) { return std::sqrt(x); },
     [](double, double y) { return 5 * unit_at(y); }, "5 ulp"}, // 1 / (1 / sqrt)
    {"1 / x", ProbedFunction::reciprocal, 1e-6, 1e6, [](double x) { return 1 / x; },
     [](double, double y) { return 2.5 * unit_at(y); }, "2.5 ulp"},
};

Result<Probes> functions(vk::Device& device) {
    constexpr int kCount = 20000;
    Probes probes;
    for (const Function& f : kFunctions) {
        std::vector<float> x;
        for (int i = 0; i < kCount; ++i) {
            const double t = double(i) / (kCount - 1);
            const bool decades = f.first > 0;
            x.push_back(float(decades ? f.first * std::pow(f.last / f.first, t) : f.first + (f.last - f.first) * t));
        }
        weft_ASSIGN(const auto y, applied(device, f.probed, x));
        double worst = 0, worst_at = 0, units = 0;
        for (size_t i = 0; i < x.size(); ++i) {
            const double exact = f.exact(x[i]), error = std::abs(y[i] - exact),
                         // The reference is rounded as well.
                share = std::isfinite(y[i]) ? error / (f.allowed(x[i], exact) + 0.5 * unit_at(exact)) : INFINITY;
            if (share > worst) {
                worst = share;
                worst_at = x[i];
                units = error / unit_at(exact);
            }
        }
        probes.push_back({f.name, f.rule,
                          number(units) + " ulp at " + number(worst_at, "%.7g") + ", " + number(100 * worst) +
                              " % of what is allowed",
                          worst <= 1});
    }
    return probes;
}

Result<Probes> halves(vk::Device& device) {
    CaseContext ctx(device, 1);
    constexpr uint32_t kPairs = 1 << 15;
    std::vector<uint32_t> words;
    for (uint32_t i = 0; i < kPairs; ++i) words.push_back(2 * i | (2 * i + 1) << 16);
    kernel::probe_halves(ctx.recorder(), ctx.input_words("x", {kPairs}, words),
                         ctx.output("y", DType::f32, {kPairs, 2}), ctx.output("z", DType::u32, {kPairs}));
    weft_TRY(ctx.run());
    const auto& y = ctx.data("y");
    const auto z = ctx.words("z");
    size_t usual = 0, subnormal = 0, not_numbers = 0, back = 0;
    for (uint32_t i = 0; i < 2 * kPairs; ++i) {
        const uint32_t magnitude = i & 0x7fff;
        const auto h = uint16_t(z[i / 2] >> (i % 2 * 16));
        if (magnitude > 0x7c00) {
            not_numbers += std::isnan(y[i]);
            continue;
        }
        const bool right = y[i] == half_to_float(uint16_t(i));
        (magnitude > 0 && magnitude < 0x400 ? subnormal : usual) += right;
        back += h == (magnitude == 0x7c00 ? i - 1 : i); // infinity becomes the largest half
    }
    return Probes{all_of("halves unpacked", usual, 2 * (0x7c01 - 0x3ff)),
                  all_of("half denormals kept", subnormal, 2 * 0x3ff), all_of("half NaNs kept", not_numbers, 2 * 0x3ff),
                  all_of("halves packed", back, 2 * 0x7c01)};
}

Result<Probes> floats(vk::Device& device) {
    std::vector<float> x;
    for (uint32_t bits = 1; bits < 0x800000; bits += 4099) x.push_back(std::bit_cast<float>(bits));
    const size_t subnormals = x.size();
    x.insert(x.end(), {INFINITY, -INFINITY, NAN});
    weft_ASSIGN(const auto y, applied(device, ProbedFunction::itself, x));
    const auto kept =
        size_t(std::count_if(y.begin(), y.begin() + long(subnormals), [](float v) { return std::abs(v) > 0; }));
    weft_ASSIGN(const auto lost, applied(device, ProbedFunction::lost_part, {1 + 0x1p-20f, 1 + 0x1p-23f, 3}));
    const bool special = y[subnormals] == INFINITY && y[subnormals + 1] == -INFINITY && std::isnan(y[subnormals + 2]);
    return Probes{{"infinities and NaN", "kept", special ? "kept" : "lost", special},
                  {"float denormals", "either",
                   kept == subnormals ? "kept"
                   : kept             ? "some kept"
                                      : "flushed to zero"},
                  {"multiply-add", "either", lost[0] == 0x1p-40f ? "rounds once" : "rounds twice"}};
}

Result<Probes> lanes(vk::Device& device) {
    Probes probes;
    const uint32_t size = device.limits().subgroup_size, threads = std::max(size, 64u);
    const std::string reported = std::to_string(size);
    {
        CaseContext ctx(device, 1);
        kernel::probe_layout(ctx.recorder(), threads, ctx.output("y", DType::u32, {threads, 3}));
        weft_TRY(ctx.run());
        const auto y = ctx.words("y");
        bool in_order = true;
        for (uint32_t t = 0; t < threads; ++t)
            in_order &= y[3 * t + 2] > 0 && y[3 * t + 1] == t % y[3 * t + 2] && y[3 * t] == t / y[3 * t + 2];
        probes.push_back(
            {"subgroup, by itself", "any",
             std::to_string(y[2]) + " lanes, threads " + (in_order ? "in their order" : "in another order"),
             y[2] > 0 && y[2] <= 128});
    }
    if (!device.features().has(vk::Feature::subgroup)) {
        probes.push_back({"shuffles", "any", "the device has none"});
        return probes;
    }
    size_t sized = 0, from_mask = 0, from_first = 0, count = 0;
    for (uint32_t mask = 1; mask < size; mask *= 2, count += threads) {
        CaseContext ctx(device, 1);
        kernel::probe_lanes(ctx.recorder(), threads, mask, ctx.output("y", DType::u32, {threads, 3}));
        weft_TRY(ctx.run());
        const auto y = ctx.words("y");
        for (uint32_t t = 0; t < threads; ++t) {
            sized += y[3 * t] == size;
            from_mask += y[3 * t + 1] == (t ^ mask);
            from_first += y[3 * t + 2] == t / size * size;
        }
    }
    probes.push_back(all_of("threads in subgroups of " + reported, sized, count));
    probes.push_back(all_of("exchanged with lane ^ mask", from_mask, count));
    probes.push_back(all_of("read from lane 0", from_first, count));
    return probes;
}

Result<Probes> integer_dot(vk::Device& device) {
    CaseContext ctx(device, 1);
    if (!kernel::can_probe_dot(ctx.recorder()))
        return Probes{{"integer dot", "any", "the device or this build has none"}};
    constexpr uint32_t kCount = 4096;
    std::vector<uint32_t> a, b;
    for (uint32_t i = 0; i < kCount; ++i) {
        a.push_back(i == 0 ? 0x80808080 : ctx.random().below(1u << 16) << 16 | ctx.random().below(1u << 16));
        b.push_back(i == 0 ? 0x80808080 : ctx.random().below(1u << 16) << 16 | ctx.random().below(1u << 16));
    }
    kernel::probe_dot(ctx.recorder(), ctx.input_words("a", {kCount}, a), ctx.input_words("b", {kCount}, b),
                      ctx.output("y", DType::u32, {kCount}));
    weft_TRY(ctx.run());
    const auto y = ctx.words("y");
    size_t right = 0;
    for (uint32_t i = 0; i < kCount; ++i) {
        int32_t sum = 0;
        for (uint32_t byte = 0; byte < 32; byte += 8) sum += int8_t(a[i] >> byte) * int8_t(b[i] >> byte);
        right += int32_t(y[i]) == sum;
    }
    return Probes{all_of("integer dot", right, kCount)};
}

Result<Probes> peaks(vk::Device& device) {
    weft_ASSIGN(const DevicePeaks p, kernel::measure_peaks(device, 5));
    return Probes{
        {"copy", "a number", number(p.copy_gb_per_s, "%.1f") + " GB/s", std::isfinite(p.copy_gb_per_s)},
        {"multiply-adds", "a number", number(p.gflop_per_s, "%.1f") + " GFLOP/s", std::isfinite(p.gflop_per_s)}};
}

const Probe kProbes[] = {{"functions", functions}, {"halves", halves},           {"floats", floats},
                         {"lanes", lanes},         {"integer dot", integer_dot}, {"peaks", peaks}};

} // namespace

std::span<const Probe> all_probes() { return kProbes; }

} // namespace weft::detail
