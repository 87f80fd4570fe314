// SPDX-License-Identifier: Apache-2.0
// L6: Embedder: vectors of texts.
#include "base/access.hpp"
#include "models/clip_parts.hpp"
#include "pipelines/embedder_files.hpp"
#include "pipelines/embedding.hpp"
#include "pipelines/load.hpp"
#include "pipelines/seeing.hpp"
#include "pipelines/tasks.hpp"
#include "schedule/compose.hpp"
#include "schedule/session.hpp"
#include "text/tokenizer.hpp"
#include <algorithm>
#include <numeric>

namespace weft::detail {
namespace {

constexpr uint32_t kSlots = 32;         // texts of one step, at most
constexpr uint32_t kCachedSlots = 4;    // of models that keep states, which no text needs beside its own
constexpr uint32_t kBatchTokens = 1024; // of one step; enough to fill a device

} // namespace

class EmbedderState {
public:
    Device device;
    std::shared_ptr<const LoadedModel> model;
    std::unique_ptr<Session> session;
    std::optional<Tokenizer> tokenizer;
    Pooling pooling = Pooling::mean;
    bool normalized = false;
    std::string rows = kEmbedding; ///< the output that has a row a text
    uint32_t width = 0;
    std::optional<ModelFiles> pairs; ///< of a model that compares texts with pictures: they say how its texts end

    /// The ids of a text, cut in its middle so that what the tokenizer puts around it stays.
    Result<std::vector<uint32_t>> encode(const std::string& text, bool& cut) const {
        weft_ASSIGN(auto ids, tokenizer->encode(text, true));
        const uint32_t most = session->options().context;
        if ((cut = ids.size() > most)) {
            weft_ASSIGN(const auto body, tokenizer->encode(text, false));
            const auto at = size_t(std::ranges::search(ids, body).begin() - ids.begin());
            const size_t before = at + body.size() <= ids.size() ? at : 0,
                         behind = ids.size() - std::min(ids.size(), before + body.size());
            if (before + behind < most)
                ids.erase(ids.end() - long(behind + ids.size() - most), ids.end() - long(behind));
            else ids.resize(most);
        }
        if (ids.empty()) return Error{ErrorCode::invalid_argument, "a text without tokens has no embedding", {}};
        return pairs ? filled_up(std::move(ids), model->schedule, *pairs) : ids;
    }

    Result<std::vector<float>> run(std::span<const std::vector<uint32_t>> texts, std::span<const size_t> batch) {
        std::vector<Feed> feeds;
        for (const size_t i : batch) {
            const auto slot = uint32_t(feeds.size());
            session->reset(slot);
            feeds.push_back({slot, texts[i]});
        }
        weft_TRY(session->forward(feeds, Want::nothing));
        return session->output(rows);
    }
};

} // namespace weft::detail

namespace weft {
using namespace detail;

Embedder::Embedder(std::unique_ptr<EmbedderState> state) : state_(std::move(state)) {}
Embedder::Embedder(Embedder&&) noexcept = default;
Embedder& Embedder::operator=(Embedder&&) noexcept = default;
Embedder::~Embedder() = default;

Result<Embedder> Embedder::load(const Device& device, const std::filesystem::path& path,
                                const EmbedderOptions& options) try {
    auto s = std::make_unique<EmbedderState>(EmbedderState{.device = device});
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    weft_ASSIGN(const EmbedderFiles said, read_embedder_files(files, path));
    const auto edit = [&](Schedule& schedule) -> Status {
        if (const size_t own = output_of(schedule, kTextEmbeds); own < schedule.outputs.size()) {
            if (options.pooling || options.normalize)
                return Error{ErrorCode::invalid_argument,
                             schedule.architecture +
                                 " makes vectors of texts in its own way, to be compared with those of pictures: "
                                 "they are not pooled or normalized in another",
                             {}};
            s->rows = kTextEmbeds;
            s->pooling = Pooling::last;
            s->normalized = likeness_of(schedule) != nullptr;
            s->pairs = files;
            const Output output = schedule.outputs[own];
            return only(schedule, output, schedule.architecture);
        }
        weft_TRY(text_alone(files)(schedule));
        const bool decoder = generating_stage(schedule) != kNoStage;
        s->pooling = options.pooling.value_or(said.pooling.value_or(decoder ? Pooling::last : Pooling::mean));
        s->normalized = options.normalize.value_or(said.normalize);
        return make_embedder(schedule, s->pooling, s->normalized);
    };
    weft_ASSIGN(Schedule fits, make_schedule(files)); // what cannot embed is said before anything is read
    weft_TRY(check_reads_text(fits, "weft embed"));
    weft_TRY(edit(fits));
    if (files.gguf()) {
        weft_ASSIGN(s->tokenizer, text::tokenizer_of(*files.gguf()));
    } else {
        weft_ASSIGN(s->tokenizer, Tokenizer::load(path));
    }
    weft_ASSIGN(s->model, load_model(Access::state(device), files, options.dtype, options.progress, edit));
    const Output& rows = s->model->schedule.outputs[0];
    s->width = s->model->schedule.stages[rows.stage].width_of(rows.stream);
    SessionOptions session;
    session.kv_dtype = kv_type(options.cache, s->model->weights.all());
    session.context = options.context ? options.context : said.context;
    weft_ASSIGN(session, resolved(session, s->model->schedule, &s->model->device));
    session.slots = takes_whole(s->model->schedule) ? kSlots : kCachedSlots;
    session.max_chunk = std::max(options.batch_tokens ? options.batch_tokens : kBatchTokens, session.context);
    weft_ASSIGN(s->session, Session::create(s->model, session));
    return Embedder(std::move(s));
}
weft_CATCH

Result<Embeddings> Embedder::embed(std::span<const std::string> texts, const ProgressFunction& progress) try {
    EmbedderState& s = *state_;
    std::vector<std::vector<uint32_t>> ids;
    Embeddings all;
    for (size_t i = 0; i < texts.size(); ++i) {
        bool was_cut = false;
        auto encoded = s.encode(texts[i], was_cut);
        if (!encoded) return in_context("text " + std::to_string(i), encoded.error());
        ids.push_back(std::move(*encoded));
        all.cut += was_cut;
    }
    std::vector<size_t> order(texts.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::ranges::stable_sort(order, [&](size_t a, size_t b) { return ids[a].size() < ids[b].size(); });
    all.values.resize(texts.size() * s.width);
    const SessionOptions& o = s.session->options();
    for (size_t first = 0, end; first < order.size(); first = end) {
        size_t tokens = 0;
        for (end = first; end < order.size() && end - first < o.slots; ++end)
            if ((tokens += ids[order[end]].size()) > o.max_chunk && end > first) break;
        const std::span batch(order.begin() + long(first), order.begin() + long(end));
        weft_ASSIGN(const auto rows, s.run(ids, batch));
        for (size_t i = 0; i < batch.size(); ++i)
            std::copy_n(rows.begin() + long(i * s.width), s.width, all.values.begin() + long(batch[i] * s.width));
        if (progress && !progress({Progress::Stage::prefill, end, texts.size()}))
            return Error{ErrorCode::cancelled, "stopped", {}};
    }
    return all;
}
weft_CATCH

uint32_t Embedder::width() const { return state_->width; }
uint32_t Embedder::context() const { return state_->session->options().context; }
Pooling Embedder::pooling() const { return state_->pooling; }
bool Embedder::normalized() const { return state_->normalized; }
std::string Embedder::architecture() const { return state_->model->schedule.architecture; }
const std::vector<std::string>& Embedder::warnings() const { return state_->model->warnings; }

} // namespace weft
