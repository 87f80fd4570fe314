// SPDX-License-Identifier: Apache-2.0
#include "harness/compare.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/interfaces/catch_interfaces_config.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <iostream>
#include <map>

namespace weft::test {
using namespace detail;

void require(const reference::Comparison& verdict) {
    std::string faults;
    for (const std::string& fault : verdict.faults()) faults += fault + "\n";
    INFO(faults);
    REQUIRE(verdict.faults().empty());
}

void require_close(std::span<const float> got, std::span<const reference::Expected> expected, const std::string& what) {
    reference::Comparison verdict;
    verdict.close(got, expected, what);
    require(verdict);
}

std::vector<kernel::Shaped> shapes_of(const kernel::KernelCase& c) {
    static const std::vector<kernel::Guise> all = lookalikes(gpu());
    auto shapes = kernel::shapes_of(c, gpu(), all);
    INFO((shapes ? "" : shapes.error().text()));
    REQUIRE(shapes);
    return std::move(*shapes);
}

namespace {

kernel::Coverage ran;

// At the end: the forms that ran and in how many shapes; with -v high each shape.
struct PrintShapes : Catch::EventListenerBase {
    using EventListenerBase::EventListenerBase;
    void testRunEnded(const Catch::TestRunStats&) override {
        std::map<std::string, std::vector<std::string>> shapes;
        for (const vk::PipelineKey& key : ran.pipelines()) {
            std::string& line =
                shapes[std::string(key.kernel->name) + "." + key.kernel->variants[key.variant].name].emplace_back();
            for (size_t i = 0; i < key.spec.size(); ++i)
                line += std::string(" ") + key.kernel->spec_names[i] + "=" + std::to_string(key.spec[i]);
        }
        for (const auto& [form, lines] : shapes) {
            std::cout << "ran " << form << " in " << lines.size() << (lines.size() == 1 ? " shape\n" : " shapes\n");
            if (m_config->verbosity() != Catch::Verbosity::High) continue;
            for (const std::string& line : lines) std::cout << "   " << line << "\n";
        }
    }
};

kernel::CheckedRun run_once(const kernel::CheckedCase& c, const vk::Device* shaped_for) {
    auto run = kernel::run_checked(c, gpu(), shaped_for);
    INFO((run ? "" : run.error().text()));
    REQUIRE(run);
    require(run->verdict);
    return std::move(*run);
}

} // namespace
CATCH_REGISTER_LISTENER(PrintShapes)

void run_cases(const char* kernel) {
    static const std::vector<kernel::CheckedTable> tables = kernel::all_checked_tables();
    const auto table = std::ranges::find(tables, std::string_view(kernel), &kernel::CheckedTable::kernel);
    REQUIRE(table != tables.end());
    for (const kernel::CheckedCase& c : table->cases) SECTION(c.name) {
            INFO("seed " << c.seed << "; rerun: weft_kernels_tests '" << kernel << "' -c '" << c.name << "'");
            for (const kernel::Shaped& shape : shapes_of(c)) {
                if (shape.device && ran.covers(shape.program)) continue;
                ran.add(shape.program);
                INFO((shape.device ? "in the shapes for " + shape.name : "in the device's own shapes"));
                const kernel::CheckedRun first = run_once(c, shape.device.get());
                if (!shape.device) REQUIRE(kernel::same_bits(first, run_once(c, nullptr)));
            }
            require_no_validation_messages();
        }
}

} // namespace weft::test
