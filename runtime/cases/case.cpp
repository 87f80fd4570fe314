// SPDX-License-Identifier: Apache-2.0
#include "cases/case.hpp"
#include "base/blocks.hpp"
#include "base/half.hpp"
#include "kernels/cache_row.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail::kernel {
namespace {

uint16_t to_16(DType dtype, float v) { return dtype == DType::f16 ? float_to_half(v) : float_to_bf16(v); }
float from_16(DType dtype, uint16_t v) { return dtype == DType::f16 ? half_to_float(v) : bf16_to_float(v); }

std::vector<std::byte> encode(DType dtype, std::vector<float>& values) {
    std::vector<std::byte> bytes(values.size() * size_of(dtype));
    for (size_t i = 0; i < values.size(); ++i) {
        if (size_of(dtype) == 2) {
            const uint16_t h = to_16(dtype, values[i]);
            values[i] = from_16(dtype, h);
            std::memcpy(&bytes[2 * i], &h, 2);
        } else if (dtype == DType::f32) std::memcpy(&bytes[4 * i], &values[i], 4);
        else {
            const uint32_t word = dtype == DType::i32 ? uint32_t(int32_t(values[i])) : uint32_t(values[i]);
            std::memcpy(&bytes[4 * i], &word, 4);
        }
    }
    return bytes;
}

// Rows of q8_0 as caches hold them (kernels/cache_row.hpp), and what they stand for.
std::vector<std::byte> encode_q8_0(uint32_t channels, std::vector<float>& values) {
    const uint64_t row_bytes = cache_row(DType::q8_0, channels).bytes();
    std::vector<std::byte> bytes(values.size() / channels * row_bytes);
    for (size_t row = 0; row < values.size() / channels; ++row)
        for (uint32_t first = 0; first < channels; first += kCacheGroup) {
            const auto group =
                std::span(values).subspan(row * channels + first, std::min(kCacheGroup, channels - first));
            float top = 0;
            for (const float v : group) top = std::isnan(v) ? v : std::max(top, std::abs(v));
            const uint16_t half = float_to_half(top / 127);
            const float scale = half_to_float(half);
            std::memcpy(&bytes[row * row_bytes + channels + 2 * (first / kCacheGroup)], &half, 2);
            for (size_t i = 0; i < group.size(); ++i) {
                const auto q = int8_t(scale > 0 ? std::clamp(std::nearbyint(group[i] / scale), -127.0f, 127.0f) : 0);
                bytes[row * row_bytes + first + i] = std::byte(q);
                group[i] = scale * float(q);
            }
        }
    return bytes;
}

std::vector<float> decode_q8_0(uint32_t channels, std::span<const std::byte> bytes) {
    const uint64_t row_bytes = cache_row(DType::q8_0, channels).bytes();
    std::vector<float> values;
    for (uint64_t row = 0; row < bytes.size(); row += row_bytes)
        for (uint32_t c = 0; c < channels; ++c) {
            uint16_t half;
            std::memcpy(&half, &bytes[row + channels + 2 * (c / kCacheGroup)], 2);
            values.push_back(half_to_float(half) * float(int8_t(bytes[row + c])));
        }
    return values;
}

// `count` random blocks, and what they stand for. Every bit pattern occurs but in the half-precision scales,
// which make the values about `deviation` large.
void random_blocks(Random& random, DType dtype, size_t count, double deviation, std::vector<std::byte>& blocks,
                   std::vector<float>& values) {
    const BlockInfo info = block_info(dtype);
    const bool minima = dtype == DType::q4_1 || dtype == DType::q5_1 || dtype == DType::q2_k || dtype == DType::q4_k ||
                        dtype == DType::q5_k;
    blocks.resize(count * info.bytes);
    values.resize(count * info.elements);
    for (size_t i = 0; i < count; ++i) {
        const auto block = std::span(blocks).subspan(i * info.bytes, info.bytes);
        const auto unpacked = std::span(values).subspan(i * info.elements, info.elements);
        for (std::byte& b : block) b = std::byte(random.below(256));
        const auto scale = [&](uint32_t n, double v) {
            const uint16_t half = float_to_half(float(v));
            const auto whole = float(v);
            if (dtype == DType::f8_blocks) std::memcpy(&block[info.scale_at], &whole, 4);
            else std::memcpy(&block[info.scale_at + 2 * n], &half, 2);
        };
        if (dtype == DType::mxfp4) block[0] = std::byte(124 + random.below(3) + int(std::lround(std::log2(deviation))));
        else {
            for (uint32_t n = 0; n < (minima ? 2u : 1u); ++n) scale(n, 1);
            unpack_blocks(dtype, block, unpacked);
            double largest = 1;
            for (const float v : unpacked) largest = std::max(largest, std::abs(double(v)));
            for (uint32_t n = 0; n < (minima ? 2u : 1u); ++n) scale(n, random.uniform(-3, 3) * deviation / largest);
        }
        unpack_blocks(dtype, block, unpacked);
    }
}

} // namespace

uint64_t tokens_of(const Sequences& sequences) {
    uint64_t tokens = 0;
    for (const auto& s : sequences) tokens += s.count;
    return tokens;
}

uint32_t slots_of(const Sequences& sequences) {
    uint32_t slots = 1;
    for (const auto& s : sequences) slots = std::max(slots, s.slot + s.moved + 2);
    return slots;
}

CaseContext::CaseContext(const vk::Device& shaped_for) : random_(Random::of_zeros()), recorder_(shaped_for) {
    recorder_.set_grid_arguments(own("grid arguments", DType::u32, {256, 4}, {}));
}

CaseContext::CaseContext(vk::Device& device, uint64_t seed, const vk::Device* shaped_for)
    : device_(&device), random_(seed), recorder_(shaped_for ? *shaped_for : device) {
    arena_.emplace(device, vk::MemoryUse::device, "kernel case");
    auto uploader = vk::Uploader::create(device);
    if (uploader) uploader_.emplace(std::move(*uploader));
    else fail(uploader.error());
    grid_arguments_ = own("grid arguments", DType::u32, {256, 4}, std::vector<std::byte>(4096));
    if (!failure_) recorder_.set_grid_arguments(grid_arguments_);
}

Tensor CaseContext::own(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape,
                        std::span<const std::byte> bytes) {
    if (!device_) return recorder_.external({VK_NULL_HANDLE, 0, ~0ull, nullptr}, dtype, shape, name);
    auto slice = arena_->allocate(bytes.size(), uint64_t(1) << 22);
    if (!slice) {
        fail(slice.error());
        return recorder_.temporary(dtype, shape, name); // never run: run() reports the failure
    }
    if (auto status = uploader_->write(*slice, bytes); !status) fail(status.error());
    const Tensor t = recorder_.external(*slice, dtype, shape, name);
    owned_.push_back({name, *slice, dtype, t.count()});
    return t;
}

Tensor CaseContext::input(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape,
                          std::vector<float> values) {
    const auto bytes = device_ ? encode(dtype, values) : std::vector<std::byte>();
    host_[name] = std::move(values);
    return own(name, dtype, shape, bytes);
}

Tensor CaseContext::weight(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape,
                           double deviation) {
    if (!device_) return own(name, dtype, shape, {});
    size_t elements = 1;
    for (const uint32_t n : shape) elements *= n;
    const auto repeat = [](auto& list, size_t count) {
        const size_t period = list.size();
        list.resize(count);
        for (size_t i = period; i < count; ++i) list[i] = list[i - period];
    };
    if (!in_blocks(dtype)) {
        std::vector<float> values = random_.normals(std::min<size_t>(elements, 999983), deviation);
        repeat(values, elements);
        return input(name, dtype, shape, std::move(values));
    }
    std::vector<std::byte> blocks;
    std::vector<float> values;
    random_blocks(random_, dtype, std::min<size_t>(elements / block_info(dtype).elements, 4099), deviation, blocks,
                  values);
    repeat(blocks, bytes_of(dtype, elements));
    repeat(values, elements);
    blocks.resize(storage_bytes(dtype, elements));
    host_[name] = std::move(values);
    return own(name, dtype, shape, blocks);
}

Tensor CaseContext::cache(const std::string& name, DType type, const std::array<uint32_t, 4>& shape,
                          std::vector<float> values) {
    const auto [slots, heads, capacity, size] = shape;
    const CacheRow row = cache_row(type, size);
    if (type != DType::q8_0) return input(name, type, {slots, heads, capacity, size}, std::move(values));
    const auto bytes = encode_q8_0(size, values);
    host_[name] = std::move(values);
    const Tensor t = own(name, row.dtype, {slots, heads, capacity, row.columns}, bytes);
    if (device_) owned_.back().channels = size;
    return t;
}

Tensor CaseContext::empty_cache(const std::string& name, DType type, const std::array<uint32_t, 4>& shape) {
    const auto [slots, heads, capacity, size] = shape;
    const CacheRow row = cache_row(type, size);
    const Tensor t = output(name, row.dtype, {slots, heads, capacity, row.columns});
    if (device_ && type == DType::q8_0) owned_.back().channels = size;
    return t;
}

Tensor CaseContext::input_words(const std::string& name, std::initializer_list<uint32_t> shape,
                                const std::vector<uint32_t>& words) {
    return own(name, DType::u32, shape, std::as_bytes(std::span(words)));
}

Tensor CaseContext::output(const std::string& name, DType dtype, std::initializer_list<uint32_t> shape) {
    if (!device_) return own(name, dtype, shape, {});
    uint64_t count = 1;
    for (uint32_t n : shape) count *= n;
    return own(name, dtype, shape, std::vector<std::byte>(count * size_of(dtype), std::byte{0xff}));
}

Step CaseContext::step(const std::vector<Sequence>& sequences, uint32_t max_tokens, const std::vector<uint32_t>& ids,
                       uint32_t axes) {
    sequences_ = sequences;
    StepHeader header;
    std::vector<StepSequence> rows;
    std::vector<uint32_t> positions, owner, outputs;
    Step s;
    s.decode = true;
    for (const Sequence& q : sequences) {
        rows.push_back({q.slot, uint32_t(positions.size()), q.count, q.past, std::max(q.length, q.past + q.count),
                        q.slot, q.slot + q.moved, q.memory});
        for (uint32_t i = 0; i < q.count; ++i) {
            outputs.push_back(uint32_t(positions.size()));
            positions.push_back(q.past + i);
            owner.push_back(uint32_t(rows.size() - 1));
        }
        header.longest_new = std::max(header.longest_new, q.count);
        header.longest_total = std::max(header.longest_total, q.past + q.count);
        s.decode &= q.count == 1;
    }
    header.tokens = header.outputs = uint32_t(positions.size());
    header.sequences = uint32_t(rows.size());
    s.max_tokens = s.max_outputs = std::max({max_tokens, header.tokens, 1u});
    s.max_sequences = std::max<uint32_t>(1, header.sequences);
    rows.resize(s.max_sequences);
    const auto padded = [&](std::vector<uint32_t> v) {
        v.resize(s.max_tokens);
        return v;
    };
    s.header = own("step header", DType::u32, {16}, std::as_bytes(std::span(&header, 1)));
    s.sequences = own("step sequences", DType::u32, {s.max_sequences, 8}, std::as_bytes(std::span(rows)));
    s.ids = input_words("step ids", {s.max_tokens}, padded(ids));
    if (axes) {
        const uint32_t stride = (s.max_tokens + 63) / 64 * 64;
        std::vector<uint32_t> all = padded(positions);
        all.resize(stride);
        for (uint32_t i = 0; i < axes * stride; ++i) all.push_back(random_.below(1000));
        s.positions = input_words("step positions", {1 + axes, stride}, all);
        input_words("first positions", {1 + axes, stride}, all);
        s.axes = s.positions.slice_rows(1, axes);
    } else s.positions = input_words("step positions", {s.max_tokens}, padded(positions));
    s.token_sequence = input_words("step token sequences", {s.max_tokens}, padded(owner));
    s.outputs = input_words("step outputs", {s.max_tokens}, padded(outputs));
    header_ = s.header;
    return s;
}

Status CaseContext::run() {
    if (failure_) return *failure_;
    std::vector<vk::Recording> recordings;
    weft_ASSIGN(vk::Program program, recorder_.finish());
    for (auto& resource : program.resources)
        if (!resource.slice) {
            weft_ASSIGN(resource.slice, arena_->allocate(resource.bytes));
            // Every temporary starts as NaN: reading what was not written shows.
            weft_TRY(uploader_->write(resource.slice, std::vector<std::byte>(resource.bytes, std::byte{0xff})));
        }
    if (!program.grid_rows.empty()) {
        weft_CHECK(header_ && program.grid_rows.size() <= 256, "a case with indirect dispatches needs a step block");
        Recorder prologue(*device_);
        const auto bytes = std::as_bytes(std::span(program.grid_rows));
        weft_ASSIGN(const vk::Slice table, arena_->allocate(bytes.size()));
        weft_TRY(uploader_->write(table, bytes));
        const auto rows = uint32_t(program.grid_rows.size());
        const auto again = [&](const Tensor& t, const char* name) {
            return prologue.external(program.resources[t.resource].slice, DType::u32, {uint32_t(t.count())}, name);
        };
        grids(prologue, again(header_, "header"), prologue.external(table, DType::u32, {rows * 12}, "grid table"),
              again(grid_arguments_, "grid arguments"), rows);
        weft_ASSIGN(vk::Program sizes, prologue.finish());
        weft_ASSIGN(auto recording, vk::Recording::create(*device_, std::move(sizes)));
        recordings.push_back(std::move(recording));
    }
    weft_ASSIGN(auto recording, vk::Recording::create(*device_, std::move(program), {.timestamps = true}));
    recordings.push_back(std::move(recording));
    weft_ASSIGN(auto run, vk::TimedRun::create(*device_, std::move(recordings)));
    weft_TRY(run_.emplace(std::move(run)).run());

    for (const Owned& o : owned_) {
        if (in_blocks(o.dtype)) continue; // an input
        std::vector<std::byte> bytes(o.count * size_of(o.dtype));
        weft_TRY(uploader_->read(o.slice, bytes));
        if (o.channels) host_[o.name] = decode_q8_0(o.channels, bytes);
        if (o.dtype == DType::u32 || o.dtype == DType::i32) continue; // words() reads these exactly
        auto& values = host_[o.name];
        values.resize(o.count);
        for (size_t i = 0; i < o.count; ++i) {
            if (o.dtype == DType::f32) std::memcpy(&values[i], &bytes[4 * i], 4);
            else {
                uint16_t h;
                std::memcpy(&h, &bytes[2 * i], 2);
                values[i] = from_16(o.dtype, h);
            }
        }
    }
    return Ok{};
}

std::vector<uint32_t> CaseContext::words(const std::string& name) {
    for (const Owned& o : owned_)
        if (o.name == name) {
            std::vector<uint32_t> values((o.count * size_of(o.dtype) + 3) / 4);
            if (auto status = uploader_->read(
                    o.slice, std::as_writable_bytes(std::span(values)).first(o.count * size_of(o.dtype)));
                !status)
                fail(status.error());
            return values;
        }
    return {};
}

Result<vk::Program> plan_case(const KernelCase& c, const vk::Device& device) {
    CaseContext context(device);
    c.build(context);
    return context.recorder_.finish();
}

Result<double> CaseContext::time(uint32_t repeats) { return run_->time(repeats); }

std::vector<std::string> CaseContext::variants() const {
    std::vector<std::string> list;
    if (run_)
        for (const auto& call : run_->timed().program().calls)
            list.push_back(std::string(call.kernel->name) + "." + call.kernel->variants[call.variant].name);
    return list;
}

} // namespace weft::detail::kernel
