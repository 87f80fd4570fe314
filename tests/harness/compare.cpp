// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include <catch2/catch_test_macros.hpp>
#include <cmath>

namespace weft::test {
using namespace detail;

void require_close(std::span<const float> got, std::span<const Expected> expected, const std::string& what) {
    REQUIRE(got.size() >= expected.size());
    double worst = 0;
    size_t worst_at = 0, bad = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
        const double error = std::abs(double(got[i]) - expected[i].value);
        const double share = expected[i].value == double(got[i]) ? 0 : error / std::max(expected[i].tolerance, 1e-300);
        if (!(share <= 1)) ++bad; // NaN counts
        if (!(share <= worst)) {
            worst = share;
            worst_at = i;
            if (std::isnan(share)) break;
        }
    }
    INFO(what << ": " << bad << " of " << expected.size() << " off");
    if (bad) {
        INFO("worst at " << worst_at << ": got " << got[worst_at] << ", expected " << expected[worst_at].value
                         << ", tolerance " << expected[worst_at].tolerance << ", error / tolerance " << worst);
        REQUIRE(bad == 0);
    }
    SUCCEED();
}

void run_case(const char* kernel, const kernel::KernelCase& c, const std::function<void(kernel::CaseContext&)>& check) {
    SECTION(c.name) {
        INFO("seed " << c.seed << "; rerun: weft_kernels_tests '" << kernel << "' -c '" << c.name << "'");
        std::vector<std::vector<float>> first;
        for (int pass = 0; pass < 2; ++pass) {
            kernel::CaseContext context(gpu(), c.seed, c.gpu);
            c.build(context);
            const auto status = context.run();
            INFO((status ? "" : status.error().text()));
            REQUIRE(bool(status));
            if (pass == 0) check(context);
            std::vector<std::vector<float>> all;
            context.each([&](const std::string&, const std::vector<float>& values) { all.push_back(values); });
            if (pass == 0) first = all;
            else
                for (size_t i = 0; i < all.size(); ++i) { // the same bits twice; NaN payloads included
                    REQUIRE(all[i].size() == first[i].size());
                    REQUIRE((all[i].empty() || std::memcmp(all[i].data(), first[i].data(), all[i].size() * 4) == 0));
                }
        }
        require_no_validation_messages();
    }
}

} // namespace weft::test
