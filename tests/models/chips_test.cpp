// SPDX-License-Identifier: Apache-2.0
// What weft chooses for GPUs that are not there (harness/chips.hpp): every schedule of the repository can be planned
// for each, within its limits, and tests/gpus/forms.txt tells who gets which form and shape.
#include "base/file.hpp"
#include "harness/chips.hpp"
#include "models/architecture.hpp"
#include "pipelines/inspect_pipelines.hpp"
#include "repository.hpp"
#include "schedule/weights.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <map>
#include <set>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// Bundled models, recorded ones, and configs of the widths of real ones.
std::vector<std::filesystem::path> models() {
    std::vector<std::filesystem::path> list;
    for (const char* folder : {"apps/models", "tests/goldens/models", "tools/configs"})
        for (const auto& entry : std::filesystem::directory_iterator(repository() / folder))
            list.push_back(entry.path());
    std::ranges::sort(list);
    return list;
}

using Programs = std::map<std::string, vk::Program>; // by the bucket's name

// Of a model for every chip. Matrices are held in `type`.
std::vector<Programs> programs_on_chips(const Schedule& schedule, DType type) {
    SessionOptions open;
    open.kv_dtype = DType::f16;
    const auto session = resolved(open, schedule, nullptr);
    REQUIRE(session);
    std::vector<DeviceWeight> weights;
    for (const WeightSlot& slot : schedule.weights) {
        const bool whole = slot.shape.back() % block_info(type).elements == 0;
        weights.push_back(described_weight(slot, held_whole(slot, whole ? type : DType::bf16)));
    }
    const auto states = layouts_of(schedule.states, session->states());
    std::vector<Programs> all;
    for (const Chip& chip : chips()) {
        const auto device = vk::Device::described(chip.summary);
        Programs& programs = all.emplace_back();
        for (const auto& [name, bucket] : programs_of(schedule, *session)) {
            INFO(chip.name << ": " << name);
            auto plan = dry_plan(*device, schedule, weights, states, bucket, session->context);
            INFO((plan ? "" : plan.error().text()));
            REQUIRE(plan);
            CHECK(over_limits(chip, plan->program) == std::vector<std::string>{});
            programs[name] = std::move(plan->program);
        }
    }
    return all;
}

// The calls of a kernel in a segment, in their order.
using Place = std::tuple<std::string, uint32_t, const vk::KernelInfo*>; // bucket, segment
std::map<Place, std::vector<const vk::Call*>> places(const Programs& programs) {
    std::map<Place, std::vector<const vk::Call*>> all;
    for (const auto& [name, program] : programs)
        for (const vk::Call& call : program.calls) all[{name, call.segment, call.kernel}].push_back(&call);
    return all;
}

// What the device decides is what differs between chips where all else is the same.
using Constants = std::set<std::pair<const vk::KernelInfo*, size_t>>;
void add_chosen(const std::vector<Programs>& on_chips, Constants& chosen) {
    const auto first = places(on_chips.front());
    for (const Programs& programs : on_chips)
        for (const auto& [place, calls] : places(programs)) {
            const auto there = first.find(place);
            if (there == first.end() || there->second.size() != calls.size()) continue;
            for (size_t n = 0; n < calls.size(); ++n)
                for (size_t i = 0; i < calls[n]->spec.size(); ++i)
                    if (calls[n]->spec[i] != there->second[n]->spec[i]) chosen.insert({calls[n]->kernel, i});
        }
}

std::string form(const vk::Call& call, const Constants& chosen) {
    std::string s = std::string(call.kernel->name) + "." + call.kernel->variants[call.variant].name;
    for (size_t i = 0; i < call.spec.size(); ++i)
        if (chosen.contains({call.kernel, i}))
            s += std::string(" ") + call.kernel->spec_names[i] + "=" + std::to_string(call.spec[i]);
    return s;
}

} // namespace

TEST_CASE("chips: every schedule can be planned for every chip, in the forms that are listed", "[models]") {
    std::vector<std::vector<Programs>> all;
    for (const auto& path : models()) {
        INFO(path.filename());
        const auto files = ModelFiles::open(path);
        REQUIRE(files);
        const auto schedule = make_schedule(*files);
        INFO((schedule ? "" : schedule.error().text()));
        REQUIRE(schedule);
        all.push_back(programs_on_chips(*schedule, DType::bf16));
        if (path.parent_path().filename() != "configs") continue; // their tables can be held in blocks, too
        for (const DType type : {DType::q8_0, DType::q4_k}) all.push_back(programs_on_chips(*schedule, type));
    }
    Constants chosen;
    for (const auto& on_chips : all) add_chosen(on_chips, chosen);
    std::map<std::string, std::set<std::string>> forms; // and the chips that have them
    for (const auto& on_chips : all)
        for (size_t c = 0; c < chips().size(); ++c)
            for (const auto& [name, program] : on_chips[c])
                for (const vk::Call& call : program.calls) forms[form(call, chosen)].insert(chips()[c].name);
    std::string text;
    for (const auto& [line, who] : forms) {
        text += line + ":";
        if (who.size() == chips().size()) text += " all";
        else
            for (const std::string& chip : who) text += " " + chip;
        text += "\n";
    }
    const auto list = repository() / "tests/gpus/forms.txt";
    if (std::getenv("WEFT_UPDATE")) REQUIRE(write_file_atomically(list, std::as_bytes(std::span(text))));
    const auto listed = read_file(list);
    REQUIRE(listed);
    INFO("after a change of heuristics: WEFT_UPDATE=1 weft_models_tests 'chips: *', and look at the difference");
    CHECK(text == *listed);
}
