// SPDX-License-Identifier: Apache-2.0
#include "vulkan/recorder.hpp"
#include <algorithm>

namespace weft::detail::vk {
namespace {

Tensor make_tensor(uint32_t resource, DType dtype, std::initializer_list<uint32_t> shape) {
    Tensor t;
    t.resource = resource;
    t.dtype = dtype;
    for (uint32_t n : shape) t.shape[t.rank++] = n;
    t.stride = t.columns();
    return t;
}

bool writes(const Call& call, uint32_t binding) { return call.kernel->bindings[binding].access != Access::read; }
bool reads(const Call& call, uint32_t binding) { return call.kernel->bindings[binding].access != Access::write; }

bool writes(const Call& call, const Tensor& t) {
    for (uint32_t i = 0; i < call.kernel->binding_count; ++i)
        if (writes(call, i) && call.arguments[i].resource == t.resource) return true;
    return false;
}

} // namespace

Tensor Recorder::external(const Slice& slice, DType dtype, std::initializer_list<uint32_t> shape,
                          const std::string& name) {
    Tensor t = make_tensor(uint32_t(program_.resources.size()), dtype, shape);
    weft_CHECK(slice.offset % Tensor::kAlignment == 0,
               "an external tensor must start on the alignment of bound buffers");
    weft_CHECK(t.bytes() <= slice.size, "an external tensor must fit its slice");
    program_.resources.push_back({name, t.bytes(), slice, false});
    return t;
}

Tensor Recorder::temporary(DType dtype, std::initializer_list<uint32_t> shape, const std::string& name) {
    Tensor t = make_tensor(uint32_t(program_.resources.size()), dtype, shape);
    program_.resources.push_back({name, t.bytes(), {}, true});
    return t;
}

Tensor Recorder::or_unused(const Tensor& t) {
    if (t) return t;
    if (!unused_) {
        unused_ = temporary(DType::u32, {1}, "unused");
        program_.resources.back().unused = true;
    }
    return unused_;
}

void Recorder::misfit(const std::string& what) {
    if (!misfit_) misfit_ = Error{ErrorCode::unsupported, program_.segments.back() + ": " + what, {}};
}

const Call* Recorder::made_by(const Tensor& t) const {
    if (!program_.resources[t.resource].temporary) return nullptr;
    for (auto call = program_.calls.rbegin(); call != program_.calls.rend(); ++call) {
        if (!writes(*call, t)) continue;
        for (uint32_t i = 0; i < call->kernel->binding_count; ++i) {
            if (writes(*call, i) && call->arguments[i] != t) return nullptr;
            const auto changes = [&](const Call& later) { return writes(later, call->arguments[i]); };
            if (reads(*call, i) && std::any_of(program_.calls.rbegin(), call, changes)) return nullptr;
        }
        return &*call;
    }
    return nullptr;
}

// Calls that only write temporaries that no later call reads: a product may have found a shorter way to their results.
void Recorder::drop_unread() {
    std::vector<bool> read(program_.resources.size());
    std::vector<Call> kept;
    for (auto call = program_.calls.rbegin(); call != program_.calls.rend(); ++call) {
        bool needed = false;
        for (uint32_t i = 0; i < call->kernel->binding_count; ++i) {
            const uint32_t resource = call->arguments[i].resource;
            needed |= writes(*call, i) && (!program_.resources[resource].temporary || read[resource]);
        }
        if (!needed) continue;
        for (uint32_t i = 0; i < call->kernel->binding_count; ++i)
            if (reads(*call, i)) read[call->arguments[i].resource] = true;
        kept.push_back(std::move(*call));
    }
    std::reverse(kept.begin(), kept.end());
    program_.calls = std::move(kept);
}

Result<Program> Recorder::finish() {
    if (misfit_) return std::move(*misfit_);
    drop_unread();
    return std::move(program_);
}

void Recorder::check_workgroup(const Call& call) {
    const Limits& limits = device_.limits();
    const auto needs = [&](uint64_t what, const std::string& unit, uint64_t most) {
        if (what > most)
            misfit(call.label + " needs " + std::to_string(what) + " " + unit + ", this device has at most " +
                   std::to_string(most));
    };
    for (int i = 0; i < 3; ++i)
        needs(call.local[i], std::string("threads of a workgroup along axis ") + "xyz"[i], limits.local[i]);
    needs(uint64_t(call.local[0]) * call.local[1] * call.local[2], "threads a workgroup", limits.invocations);
    needs(call.kernel->variants[call.variant].shared_bytes(call.spec.data()), "bytes of workgroup memory",
          limits.shared_bytes);
}

void Recorder::check_grid(const Call& call) {
    for (int i = 0; i < 3; ++i) {
        const Extent& e = call.threads[i];
        const uint64_t threads = (uint64_t(e.count) * (e.per ? words_.at(e.per).most : 1) + e.divisor - 1) / e.divisor,
                       groups = (threads + call.local[i] - 1) / call.local[i];
        if (groups > device_.limits().groups[i])
            misfit(call.label + " needs " + std::to_string(groups) + " workgroups along axis " + "xyz"[i] +
                   ", this device dispatches at most " + std::to_string(device_.limits().groups[i]));
    }
}

void Recorder::add(Call call) {
    const KernelInfo& kernel = *call.kernel;
    weft_CHECK(call.variant < kernel.variant_count, kernel.name);
    weft_CHECK(usable(device_, kernel, call.variant), kernel.name);
    for (uint32_t i = 0; i < kernel.binding_count; ++i) {
        const Tensor& t = call.arguments[i];
        weft_CHECK(t.resource < program_.resources.size(), kernel.bindings[i].name);
        weft_CHECK(!kernel.bindings[i].is_float || t.dtype == DType::f32 || program_.resources[t.resource].unused,
                   kernel.bindings[i].name);
        if (t.bytes() > device_.limits().storage_range)
            misfit(call.label + " binds " + std::to_string(t.bytes() >> 20) + " MiB of '" +
                   program_.resources[t.resource].name + "' at once, this device at most " +
                   std::to_string(device_.limits().storage_range >> 20));
    }
    local_size(kernel, call.spec, call.local);
    check_workgroup(call);
    bool indirect = false;
    GridRow row{};
    for (int i = 0; i < 3; ++i) {
        Extent& e = call.threads[i];
        if (e.per && !words_.empty() && words_.at(e.per).exact) e = {e.count * words_[e.per].most, 0, e.divisor};
        indirect |= e.per != 0;
        row.axis[i] = {e.count, e.per ? first_word_ + e.per : 0, e.divisor, call.local[i]};
    }
    if (!words_.empty()) check_grid(call);
    if (indirect) {
        auto& rows = program_.grid_rows;
        const auto same = std::find_if(rows.begin(), rows.end(),
                                       [&](const GridRow& r) { return std::memcmp(&r, &row, sizeof row) == 0; });
        call.grid_row = int32_t(same - rows.begin());
        if (same == rows.end()) rows.push_back(row);
    }
    call.segment = uint32_t(program_.segments.size() - 1);
    program_.calls.push_back(std::move(call));
    unused_ = {};
}

} // namespace weft::detail::vk
