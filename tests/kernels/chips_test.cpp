// SPDX-License-Identifier: Apache-2.0
// The case tables run what GPUs get (harness/chips.hpp, run_cases()): nothing may be left out that a schedule gets on
// any of them, as tests/gpus/forms.txt lists it.
#include "base/file.hpp"
#include "cases/gated_delta.hpp"
#include "harness/compare.hpp"
#include "repository.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <map>
#include <set>
#include <sstream>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// "kernel.variant CONSTANT=VALUE ...", as listed before the colon.
struct Form {
    std::string name;
    std::set<std::string> shape;
};

std::vector<Form> listed() {
    const auto text = read_file(repository() / "tests/gpus/forms.txt");
    REQUIRE(text);
    std::vector<Form> forms;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line.substr(0, line.find(':')));
        Form& form = forms.emplace_back();
        words >> form.name;
        for (std::string constant; words >> constant;) form.shape.insert(constant);
    }
    return forms;
}

} // namespace

TEST_CASE("chips: cases run the forms and shapes that schedules get", "[kernels]") {
    std::map<std::string, std::set<std::string>> ran; // the values of each form's constants
    std::set<std::string> of_lanes;                   // forms whose shapes go by the size of subgroups here
    for (const kernel::KernelTable& table : kernel::all_kernel_cases())
        for (const kernel::KernelCase& c : table.cases)
            for (const kernel::Shaped& shape : shapes_of(c))
                for (const vk::Call& call : shape.program.calls) {
                    const std::string name =
                        std::string(call.kernel->name) + "." + call.kernel->variants[call.variant].name;
                    if (kernel::needs_subgroups(call)) of_lanes.insert(name);
                    auto& values = ran[name];
                    for (size_t i = 0; i < call.spec.size(); ++i)
                        values.insert(std::string(call.kernel->spec_names[i]) + "=" + std::to_string(call.spec[i]));
                }
    std::set<std::string> left_out;
    for (const Form& form : listed()) {
        const auto r = ran.find(form.name);
        if (r == ran.end()) left_out.insert(form.name);
        else if (!of_lanes.contains(form.name))
            for (const std::string& constant : form.shape)
                if (!r->second.contains(constant)) left_out.insert(form.name + " " + constant);
    }
    CHECK(left_out == std::set<std::string>{});
}

TEST_CASE("chips: what is over a limit is named", "[kernels]") {
    const kernel::KernelTable table = kernel::cases::gated_delta::table();
    const auto step = std::ranges::find(table.cases, "packed steps", &kernel::KernelCase::name);
    REQUIRE(step != table.cases.end());
    Chip chip = chips().front();
    const auto program = kernel::plan_case(*step, *vk::Device::described(chip.summary));
    REQUIRE(program);
    CHECK(over_limits(chip, *program) == std::vector<std::string>{});
    chip.summary.limits.local[0] = chip.summary.limits.invocations = 64;
    chip.push_constants = 32;
    chip.summary.limits.shared_bytes = 2048;
    chip.summary.limits.storage_buffers = 6;
    chip.summary.limits.storage_range = 64;
    std::string all;
    for (const std::string& one : over_limits(chip, *program)) all += one + "\n";
    CHECK_THAT(all, ContainsSubstring("gated_delta_step.core") &&
                        ContainsSubstring("threads along x 128, at most 64") &&
                        ContainsSubstring(": threads 128, at most 64") && ContainsSubstring("of push constants") &&
                        ContainsSubstring("bytes of shared memory 4096, at most 2048") &&
                        ContainsSubstring("buffers 8, at most 6") && ContainsSubstring("bytes bound"));
}
