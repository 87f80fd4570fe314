// SPDX-License-Identifier: Apache-2.0
// L6: what a model is and what it needs, from its config alone; what a device would run it with.
#include "base/access.hpp"
#include "models/keys.hpp"
#include "pipelines/device_info.hpp"
#include "pipelines/inspect_fields.hpp"
#include "pipelines/inspect_pipelines.hpp"
#include "pipelines/support.hpp"
#include "schedule/plan.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/session_options.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>
#include <set>
#include <weft/inspect.hpp>

namespace weft {
using namespace detail;
namespace {

InspectedStage described(const Stage& stage, const Schedule& schedule) {
    const RowSpace& rows = stage.rows;
    InspectedStage s{stage.name, InspectedStage::Rows(rows.of),
                     rows.own() ? rows.input : schedule.stages[rows.from].name};
    static_assert(int(InspectedStage::Rows::marked) == int(RowSpace::Of::marked));
    if (rows.of == RowSpace::Of::merged || rows.of == RowSpace::Of::padded) {
        s.down = rows.down;
        s.across = rows.across;
    }
    s.width = stage.width;
    static_assert(int(InspectedStage::When::given) == int(When::given));
    s.when = InspectedStage::When(stage.when);
    return s;
}

InspectedState described(const StateLayout& s) {
    static_assert(int(InspectedState::Law::memory) == int(State::Law::memory));
    const bool grows = s.law != State::Law::constant;
    return {s.name, InspectedState::Law(s.law), grows ? s.bytes() / s.capacity() : s.bytes(), grows ? s.capacity() : 0};
}

InspectedView described(const View& view) {
    static_assert(int(InspectedView::Order::routed) == int(View::Order::routed));
    return {view.name, InspectedView::Order(view.order), view.window, view.shift, view.mirrored, view.reversed};
}

std::vector<InspectedBlock> blocks_of(const Schedule& schedule, const StateOptions& o) {
    std::vector<InspectedBlock> all;
    std::set<StateId> seen;
    auto lists = op_fields(schedule);
    auto fields = lists.begin();
    const auto add = [&](const Block& block, uint32_t stage, std::optional<uint32_t> layer) {
        InspectedBlock b;
        b.stage = stage;
        b.layer = layer;
        if (block.view) b.view = described(schedule.stages[stage].views[block.view - 1]);
        for (const Branch& branch : block.branches)
            b.ops.push_back({branch.op.name(), std::move(*fields++), branch.op.words(), branch.op.colour()});
        for (WeightId id : weights_of(block)) b.parameters += schedule.weights[id].parameters();
        for (const StateId id : states_of(schedule, block))
            if (seen.insert(id).second) b.states.push_back(described(layout_of(schedule.states[id], o)));
        all.push_back(std::move(b));
    };
    for (uint32_t id = 0; id < schedule.stages.size(); ++id) {
        const Stage& stage = schedule.stages[id];
        for (const Block& block : stage.first) add(block, id, std::nullopt);
        for (uint32_t i = 0; i < stage.layers.size(); ++i)
            for (const Block& block : stage.layers[i].blocks) add(block, id, i);
        for (const Block& block : stage.last) add(block, id, std::nullopt);
    }
    return all;
}

void add_kernels(const vk::Program& program, std::vector<InspectedKernel>& list, bool decode,
                 const vk::Device& device) {
    for (const vk::Call& call : program.calls) {
        const std::string tier = call.kernel->variants[call.variant].name;
        auto it = std::find_if(list.begin(), list.end(),
                               [&](const auto& k) { return k.name == call.kernel->name && k.tier == tier; });
        if (it == list.end()) {
            std::string why = call.kernel->variants[call.variant].purpose;
            for (uint32_t v = 0; v < call.kernel->variant_count; ++v) {
                std::vector<std::string> reasons;
                if (!vk::usable(device, *call.kernel, v, &reasons)) why += "; " + reasons[0];
            }
            it = list.insert(list.end(), {call.kernel->name, tier, why, 0, 0});
        }
        ++(decode ? it->decode_calls : it->prefill_calls);
    }
}

} // namespace

Result<Inspection> inspect(const Device* device, const std::filesystem::path& path, const InspectOptions& options) try {
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    Inspection in;
    in.path = path.string();
    if (!files.config() && !files.gguf()) { // weights alone: say what is in the file
        for (const TensorView* t : files.tensors()) {
            in.tensors.push_back({t->name, name_of(t->type), {t->shape.begin(), t->shape.end()}});
            in.parameters += t->count();
        }
        in.weight_bytes = files.total_bytes();
        return in;
    }
    std::vector<KeyUse> keys;
    weft_ASSIGN(const Schedule schedule, make_schedule(files, &keys));
    for (KeyUse& use : keys) {
        static_assert(int(InspectedKey::Made::unused) == int(KeyUse::Made::unused));
        in.keys.push_back({std::move(use.key), InspectedKey::Made(use.made), std::move(use.why)});
    }
    in.architecture = schedule.architecture;
    in.vocabulary = schedule.vocabulary;
    in.width = schedule.stages[0].width;
    in.trained_context = schedule.trained_context;
    in.parameters = schedule.parameters();
    in.hash = hash_of(schedule);
    const bool has_weights = !files.tensors().empty();
    if (has_weights) {
        std::ranges::move(check_weights(schedule.weights, files), std::back_inserter(in.problems));
        std::ranges::move(unused_tensors(schedule.weights, schedule.unneeded, files), std::back_inserter(in.problems));
    }
    std::pair<uint64_t, const WeightSlot*> largest{0, nullptr}; // what is allocated as one piece
    std::vector<DeviceWeight> weights;
    for (const WeightSlot& slot : schedule.weights) {
        auto parts = held_whole(slot, options.dtype == WeightType::f32   ? DType::f32
                                      : options.dtype == WeightType::f16 ? DType::f16
                                                                         : DType::bf16);
        if (has_weights && in.problems.empty()) {
            weft_ASSIGN(parts, held_parts(slot, files, options.dtype));
        }
        in.weight_bytes += held_bytes(slot, parts);
        for (const HeldPart& part : parts) largest = std::max(largest, std::pair{held_bytes(slot, part), &slot});
        weights.push_back(described_weight(slot, parts));
    }
    SessionOptions session;
    session.context = options.context;
    session.kv_dtype = kv_type(options.cache, weights);
    if (auto whole = resolved(session, schedule, device ? &Access::state(*device) : nullptr))
        session = std::move(*whole);
    else in.problems.push_back(whole.error().message);
    in.context = session.context;
    in.cache = cache_name(schedule, session.kv_dtype);
    const StateOptions o = session.states();
    for (const Stage& stage : schedule.stages) in.stages.push_back(described(stage, schedule));
    in.blocks = blocks_of(schedule, o);
    for (const WeightSlot& slot : schedule.weights) in.weights.push_back({slot.name, slot.shape, !slot.of_files()});
    const auto states = layouts_of(schedule.states, o);
    for (const StateLayout& s : states) in.state_bytes += s.bytes();
    if (!device) return in;
    const vk::Device& d = Access::state(*device);
    in.device = d.summary().name;
    if (largest.first > d.limits().allocation)
        in.problems.push_back(largest.second->name + " has " + std::to_string(largest.first >> 20) +
                              " MiB, this device allocates at most " + std::to_string(d.limits().allocation >> 20) +
                              " MiB at once");
    const uint64_t limit = d.options().memory_limit, memory = d.memory_bytes();
    const auto check_memory = [&](const std::string& what, uint64_t bytes) {
        if (bytes > memory)
            in.problems.push_back(what + " need " + std::to_string(bytes >> 20) + " MiB, " +
                                  (memory == limit ? "the limit is " : "the device has ") +
                                  std::to_string(memory >> 20) + " MiB");
    };
    if (!in.problems.empty()) return in;
    check_memory("weights and states", in.weight_bytes + in.state_bytes);
    std::vector<std::pair<Bucket, bool>> buckets = {{session.prefill(), false}}; // and whether it decodes
    if (!takes_whole(schedule)) buckets.push_back({session.decode(), true});
    if (runs_before(schedule)) buckets.insert(buckets.begin(), {session.ahead(), false});
    std::vector<Plan> plans;
    for (const auto& [bucket, decodes] : buckets) {
        auto plan = dry_plan(d, schedule, weights, states, bucket, in.context);
        if (plan) plans.push_back(std::move(*plan));
        else in.problems.push_back(plan.error().message);
    }
    if (plans.size() < buckets.size()) return in;
    for (size_t i = 0; i < plans.size(); ++i) {
        in.activation_bytes = std::max(in.activation_bytes, plans[i].activation_bytes);
        add_kernels(plans[i].program, in.kernels, buckets[i].second, d);
    }
    if (in.problems.empty())
        check_memory("weights, states and activations", in.weight_bytes + in.state_bytes + in.activation_bytes);
    if (options.pipelines) weft_TRY(report_pipelines(d, {schedule, weights, states, session}, in));
    return in;
}
weft_CATCH

Result<std::string> schedule_text(const std::filesystem::path& path) try {
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    weft_ASSIGN(const Schedule schedule, make_schedule(files));
    return schedule_text(schedule);
}
weft_CATCH

std::vector<KernelTier> kernel_tiers() {
    std::vector<KernelTier> tiers;
    for (const vk::KernelInfo* kernel : shader::all_kernels())
        for (uint32_t v = 0; v < kernel->variant_count; ++v) {
            const bool compiled = kernel->variants[v].words != nullptr;
            const DeviceFeatures needs = features_of(vk::needed_features(*kernel, v));
            std::string name = compiled ? "core" : kernel->variants[v].name;
            for (const std::string& need : needs.names()) name = name == "core" ? need : name + "+" + need;
            auto it = std::find_if(tiers.begin(), tiers.end(),
                                   [&](const auto& t) { return t.name == name && t.compiled == compiled; });
            if (it == tiers.end()) it = tiers.insert(tiers.end(), {name, 0, needs, compiled});
            ++it->forms;
        }
    return tiers;
}

std::string architecture_table() {
    std::string s = "| architecture | `model_type` | what its schedule exercises |\n|---|---|---|\n";
    for (const Architecture* a : all_architectures()) {
        std::string types;
        for (const char* t : a->model_types) types += (types.empty() ? "`" : ", `") + std::string(t) + "`";
        for (const Wrapper& wrapper : a->text_of) types += std::string(", text of `") + wrapper.type + "`";
        s += std::string("| ") + a->title + " | " + types + " | " + a->traits + " |\n";
    }
    return s;
}

} // namespace weft
