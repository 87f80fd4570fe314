// SPDX-License-Identifier: Apache-2.0
// L6: what a model is and what it needs, from its config alone; what a device would run it with.
#include "models/keys.hpp"
#include "pipelines/chat_memory.hpp"
#include "pipelines/support.hpp"
#include "pipelines/tasks.hpp"
#include "schedule/plan.hpp"
#include "schedule/schedule_fields.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/session_options.hpp"
#include "schedule/weight_order.hpp"
#include <algorithm>
#include <set>
#include <weft/inspect.hpp>

namespace weft {
namespace {

std::string words_for(const StateLayout& s) {
    if (s.law == State::Law::memory) return "memory";
    return s.name + (s.law == State::Law::ring ? " in a ring" : "");
}

std::string words_for(const RowSpace& rows, const Schedule& schedule) {
    const auto of = [&](const char* what) { return what + schedule.stages[rows.from].name; };
    switch (rows.of) {
    case RowSpace::Of::tokens: return "tokens of " + rows.input;
    case RowSpace::Of::patches: return "patches of " + rows.input;
    case RowSpace::Of::wanted: return of("wanted rows of ");
    case RowSpace::Of::first: return of("the first row of ");
    case RowSpace::Of::last: return of("the last row of ");
    case RowSpace::Of::mean: return of("the mean of ");
    case RowSpace::Of::merged:
        return std::to_string(rows.down) + " x " + std::to_string(rows.across) + of(" merged rows of ");
    }
    return "";
}

std::string words_for(const View& view) {
    if (view.order == View::Order::windows)
        return "windows of " + std::to_string(view.window) +
               (view.shift ? ", shifted by " + std::to_string(view.shift) : "");
    std::string words = names_of(view.order)[size_t(view.order)];
    if (view.extra != View::Extra::first)
        words += std::string(", extra rows ") + names_of(view.extra)[size_t(view.extra)];
    if (view.mirrored) words += ", mirrored";
    return view.reversed ? words + ", reversed" : words;
}

std::vector<InspectedBlock> blocks_of(const Schedule& schedule, const StateOptions& o) {
    std::vector<InspectedBlock> all;
    std::set<StateId> seen;
    const auto add = [&](const Block& block, uint32_t stage, std::optional<uint32_t> layer) {
        InspectedBlock b;
        b.stage = stage;
        b.layer = layer;
        const std::string view = block.view ? ", in " + words_for(schedule.stages[stage].views[block.view - 1]) : "";
        for (const Branch& branch : block.branches)
            b.ops.push_back({branch.op.name(), branch.op.words() + view, branch.op.colour()});
        for (WeightId id : weights_of(block))
            if (schedule.weights[id].computed.empty()) b.parameters += schedule.weights[id].count();
        for (const StateId id : states_of(schedule, block)) {
            if (!seen.insert(id).second) continue; // counted where it came first
            const StateLayout s = layout_of(schedule.states[id], o);
            if (s.law == State::Law::constant) b.constant_bytes += s.bytes();
            else {
                b.bytes_per_token += s.bytes() / s.capacity();
                if (s.law == State::Law::ring) b.grows_to = s.capacity();
            }
            if (std::find(b.states.begin(), b.states.end(), words_for(s)) == b.states.end())
                b.states.push_back(words_for(s));
        }
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

Result<Inspection> inspect(Device* device, const std::filesystem::path& path, const InspectOptions& options) try {
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    Inspection in;
    in.path = path.string();
    if (!files.config() && !files.gguf()) { // weights alone: say what is in the file
        for (const TensorView* t : files.tensors()) {
            in.tensors.push_back(t->name + " " + name_of(t->type) + " " + shape_text(t->shape));
            in.parameters += t->count();
        }
        in.weight_bytes = files.total_bytes();
        return in;
    }
    std::vector<KeyUse> keys;
    weft_ASSIGN(const Schedule schedule, make_schedule(files, &keys));
    for (KeyUse& use : keys) in.keys.push_back({std::move(use.key), name_of(use.made), std::move(use.why)});
    in.architecture = schedule.architecture;
    in.vocabulary = schedule.vocabulary;
    in.width = schedule.stages[0].width;
    in.trained_context = schedule.trained_context;
    in.parameters = schedule.parameters();
    in.hash = hash_of(schedule);
    SessionOptions session;
    session.context = options.context;
    session.kv_dtype = kv_type_beside(options.dtype);
    if (check_generates(schedule)) session.held = kChatHolds;
    if (auto whole = resolved(session, schedule)) session = std::move(*whole);
    else in.problems.push_back(whole.error().message);
    in.context = session.context;
    const StateOptions o = session.states();
    for (const Stage& stage : schedule.stages)
        in.stages.push_back({stage.name, words_for(stage.rows, schedule), stage.width, stage.when == When::once});
    in.blocks = blocks_of(schedule, o);
    for (const WeightSlot& slot : schedule.weights)
        in.weights.push_back({slot.name, slot.shape, !slot.computed.empty()});
    const auto states = layouts_of(schedule.states, o);
    for (const StateLayout& s : states) in.state_bytes += s.bytes() * session.rows_of(s);
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
    if (!device) return in;
    const vk::Device& d = device->internal();
    in.device = d.summary().name;
    if (largest.first > d.limits().allocation)
        in.problems.push_back(largest.second->name + " has " + std::to_string(largest.first >> 20) +
                              " MiB, this device allocates at most " + std::to_string(d.limits().allocation >> 20) +
                              " MiB at once");
    const uint64_t limit = d.options().memory_limit,
                   memory = limit ? std::min(limit, d.summary().memory_bytes) : d.summary().memory_bytes;
    const auto check_memory = [&](const std::string& what, uint64_t bytes) {
        if (bytes > memory)
            in.problems.push_back(what + " need " + std::to_string(bytes >> 20) + " MiB, " +
                                  (memory == limit ? "the limit is " : "the device has ") +
                                  std::to_string(memory >> 20) + " MiB");
    };
    check_memory("weights and states", in.weight_bytes + in.state_bytes);
    if (!in.problems.empty()) return in;
    std::vector<std::pair<Bucket, bool>> buckets = {{session.prefill(), false}}; // and whether it decodes
    if (!takes_whole(schedule)) buckets.push_back({session.decode(), true});
    if (runs_before(schedule)) buckets.insert(buckets.begin(), {session.ahead(), false});
    std::vector<Plan> plans;
    for (const auto& [bucket, decodes] : buckets) {
        auto plan = dry_plan(d, schedule, weights, states, bucket, in.context, session.held);
        if (plan) plans.push_back(std::move(*plan));
        else in.problems.push_back(plan.error().message);
    }
    if (in.problems.empty()) {
        for (size_t i = 0; i < plans.size(); ++i) {
            in.activation_bytes = std::max(in.activation_bytes, plans[i].activation_bytes);
            add_kernels(plans[i].program, in.kernels, buckets[i].second, d);
        }
        check_memory("weights, states and activations", in.weight_bytes + in.state_bytes + in.activation_bytes);
    }
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
            std::vector<std::string> needs = vk::needed_features(*kernel, v);
            std::string name = compiled ? "core" : kernel->variants[v].name;
            for (const auto& n : needs) name = name == "core" ? n : name + "+" + n;
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
