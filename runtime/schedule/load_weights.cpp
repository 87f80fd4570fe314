// SPDX-License-Identifier: Apache-2.0
// L4: weights from files to the device: threads read and convert rows straight to where the device takes them from.
#include "base/threads.hpp"
#include "schedule/weight_program.hpp"
#include "schedule/weight_rows.hpp"
#include "vulkan/tensor.hpp"
#include "vulkan/uploader.hpp"
#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

namespace weft::detail {
namespace {

constexpr uint64_t kJob = uint64_t(4) << 20;      // bytes that a thread takes at once
constexpr uint64_t kStaging = uint64_t(16) << 20; // of one of a thread's two buffers, at most
constexpr size_t kMostThreads = 8;

// Rows of a piece that lie one behind the other in a part of a weight.
struct Job {
    const PieceReader* reader;
    DType type;
    uint64_t first, count;
    vk::Slice to;
};

// The jobs of one slot, which has memory by now.
void add_jobs(const WeightSlot& slot, const std::vector<HeldPart>& held, const DeviceWeight& weight,
              const std::vector<PlacedPiece>& pieces, std::deque<PieceReader>& readers, const ModelFiles& files,
              std::vector<Job>& jobs) {
    const uint64_t each = slot.count() / matrices_of(slot);
    for (const PlacedPiece& piece : pieces) {
        const PieceReader& reader = readers.emplace_back(piece, files);
        const uint64_t run = piece.to.run();
        for (uint64_t i = 0, n; i < piece.count; i += n) {
            const uint64_t at = piece.element(i);
            size_t p = 0;
            while (p + 1 < held.size() && at % each >= held[p + 1].begin) ++p;
            const HeldPart& part = held[p];
            const uint64_t row_bytes = bytes_of(part.dtype, piece.columns),
                           to = bytes_of(part.dtype, at / each * part.count + at % each - part.begin);
            n = std::min(std::max<uint64_t>(1, kJob / std::max<uint64_t>(1, row_bytes)), run - i % run);
            jobs.push_back({&reader, part.dtype, i, n, weight.parts[p].slice.part(to, n * row_bytes)});
        }
    }
}

// What the threads share.
class Loading {
public:
    using Report = std::function<bool(uint64_t, uint64_t)>;
    Loading(const vk::Device& device, const ModelFiles& files, std::vector<Job> jobs, const Report& report)
        : device_(device), files_(files), jobs_(std::move(jobs)), report_(report) {
        for (const Job& job : jobs_) total_ += job.to.size;
    }

    Status run() {
        const size_t threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 1,
                                                  std::min<size_t>(kMostThreads, std::max<uint64_t>(1, total_ / kJob)));
        // An eighth of a small device's memory, for all buffers together.
        staging_ = std::clamp(device_.memory_bytes() / 16 / threads, kJob, kStaging);
        const auto caller = std::this_thread::get_id();
        run_on_threads(threads, [&] {
            Status status = Ok{};
            try {
                status = work(std::this_thread::get_id() == caller);
            } catch (...) {
                status = error_of_exception();
            }
            if (status) return;
            const std::lock_guard lock(mutex_);
            if (failed_) failed_ = status;
            stopped_ = true;
        });
        if (!failed_) return failed_;
        return report(total_);
    }

private:
    // Only the calling thread tells how far all are: who is told need not know of others.
    Status work(bool tells) {
        weft_ASSIGN(auto uploader, vk::Uploader::create(device_, staging_));
        for (size_t i; !stopped_ && (i = next_++) < jobs_.size();) {
            const Job& job = jobs_[i];
            const auto source = job.reader->source(job.first, job.count);
            files_.read_now(source);
            weft_ASSIGN(std::byte* const to, uploader.stage(job.to));
            job.reader->read(job.type, job.first, job.count, to);
            files_.let_go(source);
            done_ += job.to.size;
            if (tells) weft_TRY(report(done_));
        }
        return uploader.finish();
    }

    Status report(uint64_t done) const {
        if (report_ && !report_(done, total_)) return Error{ErrorCode::cancelled, "loading was stopped", {}};
        return Ok{};
    }

    const vk::Device& device_;
    const ModelFiles& files_;
    std::vector<Job> jobs_;
    const Report& report_;
    uint64_t total_ = 0, staging_ = 0;
    std::atomic<size_t> next_{0};
    std::atomic<uint64_t> done_{0};
    std::atomic<bool> stopped_{false};
    std::mutex mutex_;
    Status failed_ = Ok{};
};

} // namespace

Result<DeviceWeights> DeviceWeights::load(vk::Device& device, const std::vector<WeightSlot>& slots,
                                          const ModelFiles& files, WeightType type,
                                          const std::function<bool(uint64_t, uint64_t)>& progress) {
    if (auto problems = check_weights(slots, files); !problems.empty()) {
        if (problems.size() > 20) {
            problems.resize(20);
            problems.push_back("... and more");
        }
        return Error{ErrorCode::malformed, files.origin() + ": the weights do not fit the config", problems};
    }
    DeviceWeights w(device);
    uint64_t left = 0; // with the alignment
    std::vector<std::vector<HeldPart>> held;
    for (const WeightSlot& slot : slots) {
        weft_ASSIGN(auto parts, held_parts(slot, files, type));
        left += held_bytes(slot, parts) + parts.size() * vk::Tensor::kAlignment;
        held.push_back(std::move(parts));
    }
    weft_ASSIGN(auto uploader, vk::Uploader::create(device));
    std::deque<std::vector<PlacedPiece>> pieces;
    std::deque<PieceReader> readers;
    std::vector<Job> jobs;
    for (size_t i = 0; i < slots.size(); ++i) {
        const WeightSlot& slot = slots[i];
        DeviceWeight weight = described_weight(slot, held[i]);
        for (size_t p = 0; p < held[i].size(); ++p) {
            const uint64_t bytes = held_bytes(slot, held[i][p]);
            auto slice = w.arena_.allocate(bytes, left);
            if (!slice) return in_context(files.origin() + ": " + slot.name, slice.error());
            left -= bytes + vk::Tensor::kAlignment;
            weight.parts[p].slice = *slice;
        }
        if (!slot.computed.empty())
            weft_TRY(uploader.put(weight.parts[0].slice, std::as_bytes(std::span(slot.computed))));
        else if (!slot.program)
            add_jobs(slot, held[i], weight, pieces.emplace_back(placed(pieces_for(slot, files))), readers, files, jobs);
        w.weights_.push_back(std::move(weight));
    }
    weft_TRY(uploader.finish());
    weft_TRY(Loading(device, files, std::move(jobs), progress).run());
    for (size_t i = 0; i < slots.size(); ++i)
        if (slots[i].program) weft_TRY(run_program(device, slots[i], files, w.weights_[i].parts[0].slice));
    return w;
}

} // namespace weft::detail
