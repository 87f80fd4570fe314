// SPDX-License-Identifier: Apache-2.0
// L6: PictureModel: pictures to classes or vectors.
#include "base/access.hpp"
#include "base/threads.hpp"
#include "models/architecture.hpp"
#include "pipelines/classes.hpp"
#include "pipelines/load.hpp"
#include "pipelines/look.hpp"
#include "pipelines/seeing.hpp"
#include "schedule/session.hpp"
#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <numeric>
#include <optional>
#include <weft/see.hpp>

namespace weft::detail {
namespace {

constexpr uint32_t kBatchRows = 2048;   // of one step; enough to fill a device
constexpr uint32_t kMostPictures = 32;  // of one step, unless more are asked for
constexpr uint32_t kBatchLimit = 65536; // of what may be asked for

Error of_picture(const Picture& picture, Error error) {
    return picture.name.empty() ? error : in_context(picture.name, std::move(error));
}

} // namespace

class PictureModelState {
public:
    Device device;
    std::shared_ptr<const LoadedModel> model;
    std::unique_ptr<Session> session;
    PictureSettings settings;
    Classes classes; // none where vectors are made
    std::vector<std::string> warnings;
    std::vector<float> texts;       // of each the row that pictures are compared with; empty: they are not
    std::optional<Look> look;       // what maps are made of
    LookWeights look_weights;
    std::string rows;               // the output that has a row a picture
    uint32_t asked = 0;             // pictures of one step
    uint32_t room = 0, at_once = 0; // rows that the session has room for with one picture, and in one step
    uint32_t width = 0;

    const Input& input() const {
        return *std::ranges::find_if(model->schedule.inputs, [](const Input& i) { return i.pictures(); });
    }
    /// Whether pictures run by themselves, and what they are compared with at another time.
    bool apart() const { return model->schedule.stages[input().stage].when != When::every_step; }

    /// Rows that a step needs room for with a picture; fails on those that are not taken, without their names.
    Result<uint32_t> rows_of(const Picture& p) const {
        if (p.pixels.size() != uint64_t(p.height) * p.width * 3)
            return Error{ErrorCode::invalid_argument,
                         "a picture must have height x width x 3 bytes, has " + std::to_string(p.pixels.size()),
                         {}};
        weft_ASSIGN(const Extent size, prepared_size(settings, {p.height, p.width}));
        const PatchGrid& g = input().grid;
        const uint64_t rows =
            g.takes(size.height, size.width) ? uint64_t(g.down(size.height)) * g.across(size.width) + g.extra : 0;
        const uint32_t limit = apart() ? 0 : model->schedule.position_limit;
        const uint64_t room =
            rows ? room_for(model->schedule, {g.down(size.height), g.across(size.width)}) : 0; // windows are filled up
        if (limit ? rows == limit : rows > 0 && room <= UINT32_MAX) return uint32_t(room);
        return Error{ErrorCode::invalid_argument,
                     "a picture of " + std::to_string(size.width) + " x " + std::to_string(size.height) +
                         " pixels has " + std::to_string(rows) + " rows of patches; " + model->schedule.architecture +
                         (limit ? " here has places for " + std::to_string(limit) : " needs one at least"),
                     {}};
    }

    uint32_t slots_for(uint32_t rows) const { return asked ? asked : std::clamp(kBatchRows / rows, 1u, kMostPictures); }

    /// Makes a session whose steps have room for pictures of `most` rows, if there is none.
    Status make_room(uint32_t most) {
        if (session && room >= most) return Ok{};
        session.reset();
        room = most;
        SessionOptions o;
        o.slots = slots_for(most);
        at_once = uint32_t(std::min<uint64_t>(uint64_t(most) * o.slots, UINT32_MAX));
        o.context = apart() ? 1 : most;
        (apart() ? o.before : o.max_chunk) = at_once;
        weft_ASSIGN(session, Session::create(model, o));
        return Ok{};
    }

    /// Computes what pictures are compared with.
    Status read_texts(const ModelFiles& files, std::span<const std::string> all) {
        weft_ASSIGN(const Tokenizer tokenizer, Tokenizer::load(files.origin()));
        std::vector<std::vector<uint32_t>> ids;
        SessionOptions o;
        for (const std::string& text : all) {
            weft_ASSIGN(auto own, text_ids(tokenizer, text, model->schedule, files));
            o.context = std::max(o.context, uint32_t(own.size()));
            ids.push_back(std::move(own));
        }
        weft_ASSIGN(const auto alone, Session::create(model, o));
        for (const auto& own : ids) {
            const Feed feed{.ids = own};
            alone->reset(0);
            weft_TRY(alone->forward({&feed, 1}, Want::nothing));
            weft_ASSIGN(const auto row, alone->output(likeness_of(model->schedule)->columns));
            texts.insert(texts.end(), row.begin(), row.end());
        }
        return Ok{};
    }

    struct Prepared {
        Extent size;
        std::vector<float> values;
    };
    /// On as many threads as there are.
    Result<std::vector<Prepared>> prepare(std::span<const Picture> pictures) const {
        std::vector<Prepared> all(pictures.size());
        std::atomic<size_t> next = 0;
        std::mutex lock;
        std::optional<Error> failed;
        const auto work = [&] {
            for (size_t i; (i = next++) < pictures.size();) {
                const auto one = [&]() -> Status {
                    try {
                        weft_ASSIGN(all[i].size, prepared_size(settings, {pictures[i].height, pictures[i].width}));
                        weft_ASSIGN(all[i].values, prepared(settings, pictures[i]));
                        return Ok{};
                    }
                    weft_CATCH
                }();
                if (one) continue;
                const std::lock_guard held(lock);
                failed = of_picture(pictures[i], one.error());
            }
        };
        run_on_threads(std::min<size_t>(pictures.size(), std::max(1u, std::thread::hardware_concurrency())), work);
        if (failed) return *failed;
        return all;
    }

    Status step(std::span<const Prepared> pictures) {
        std::vector<Feed> feeds;
        for (const Prepared& p : pictures) {
            const auto slot = uint32_t(feeds.size());
            session->reset(slot);
            feeds.push_back({.slot = slot, .picture = {p.values, p.size.height, p.size.width}});
        }
        return apart() ? session->encode(feeds) : session->forward(feeds, Want::nothing);
    }

    /// Of one step: f32 [pictures, width].
    Result<std::vector<float>> run(std::span<const Prepared> pictures) {
        weft_TRY(step(pictures));
        auto seen = session->output(rows);
        if (!seen || texts.empty()) return seen;
        return session->similarity(likeness_of(model->schedule)->name, *seen, texts);
    }
};

} // namespace weft::detail

namespace weft {
using namespace detail;

PictureModel::PictureModel(std::unique_ptr<PictureModelState> state) : state_(std::move(state)) {}
PictureModel::PictureModel(PictureModel&&) noexcept = default;
PictureModel& PictureModel::operator=(PictureModel&&) noexcept = default;
PictureModel::~PictureModel() = default;

Result<PictureModel> PictureModel::load(const Device& device, const std::filesystem::path& path,
                                        const PictureModelOptions& options) try {
    if (options.batch > kBatchLimit)
        return Error{
            ErrorCode::invalid_argument, "a batch must have at most " + std::to_string(kBatchLimit) + " pictures", {}};
    auto s = std::make_unique<PictureModelState>(PictureModelState{.device = device});
    weft_ASSIGN(const ModelFiles files, ModelFiles::open(path));
    if (options.embed && !options.texts.empty())
        return Error{ErrorCode::invalid_argument, "a model is loaded for vectors or for texts, not for both", {}};
    const Seen seen = options.embed ? Seen::vector : options.texts.empty() ? Seen::classes : Seen::likeness;
    const auto edit = [&](Schedule& schedule) -> Status {
        weft_TRY(make_seeing(schedule, seen));
        if (!options.map) return Ok{};
        weft_ASSIGN(s->look, add_look(schedule));
        return Ok{};
    };
    weft_ASSIGN(Schedule fits, make_schedule(files)); // what takes no pictures is said before anything is read
    weft_TRY(edit(fits));
    weft_ASSIGN(s->settings, read_picture_settings(files));
    if (s->settings.fit == PictureSettings::Fit::tiles)
        return Error{ErrorCode::unsupported,
                     files.origin() + ": pictures are cut into several for it; a row for a whole one there is not",
                     {}};
    weft_ASSIGN(s->model, load_model(Access::state(device), files, options.dtype, options.progress, edit));
    const Schedule& schedule = s->model->schedule;
    if (seen == Seen::likeness) {
        s->rows = likeness_of(schedule)->rows;
        s->classes = {options.texts, !judges_pairs(schedule)};
        s->width = uint32_t(options.texts.size());
        weft_TRY(s->read_texts(files, options.texts));
    } else {
        const Output& output = schedule.outputs[0];
        s->rows = output.name;
        s->width = schedule.stages[output.stage].width_of(output.stream);
    }
    if (seen == Seen::classes) {
        weft_ASSIGN(s->classes, read_classes(files, s->width));
    }
    if (s->look) s->look_weights = read_look_weights(*s->look, schedule, files);
    s->asked = options.batch;
    s->warnings = s->model->warnings;
    std::ranges::copy(s->settings.warnings, std::back_inserter(s->warnings));
    return PictureModel(std::move(s));
}
weft_CATCH

Status PictureModel::takes(const Picture& picture) const try {
    const auto rows = state_->rows_of(picture);
    if (!rows) return of_picture(picture, rows.error());
    return Ok{};
}
weft_CATCH

Result<std::vector<float>> PictureModel::see(std::span<const Picture> pictures, const ProgressFunction& progress) try {
    PictureModelState& s = *state_;
    std::vector<uint32_t> rows; // of each
    for (const Picture& p : pictures) {
        const auto count = s.rows_of(p);
        if (!count) return of_picture(p, count.error());
        rows.push_back(*count);
    }
    if (pictures.empty()) return std::vector<float>();
    weft_TRY(s.make_room(*std::ranges::max_element(rows)));
    std::vector<float> all;
    for (size_t first = 0, end; first < pictures.size(); first = end) {
        uint64_t sum = 0;
        for (end = first; end < pictures.size() && end - first < s.session->options().slots; ++end)
            if ((sum += rows[end]) > s.at_once && end > first) break;
        const auto batch = pictures.subspan(first, end - first);
        weft_ASSIGN(const auto prepared, s.prepare(batch));
        const auto results = s.run(prepared);
        if (!results) return batch.size() == 1 ? of_picture(batch[0], results.error()) : results.error();
        for (size_t i = 0; i < batch.size(); ++i)
            if (const auto row = std::span(*results).subspan(i * s.width, s.width);
                !std::ranges::all_of(row, [](float x) { return std::isfinite(x); }))
                return of_picture(batch[i], {ErrorCode::not_finite, "the model's results are not finite", {}});
        all.insert(all.end(), results->begin(), results->end());
        if (progress && !progress({Progress::Stage::prefill, end, pictures.size()}))
            return Error{ErrorCode::cancelled, "stopped", {}};
    }
    return all;
}
weft_CATCH

Result<std::vector<std::vector<Guess>>> PictureModel::classify(std::span<const Picture> pictures, uint32_t top,
                                                               const ProgressFunction& progress) try {
    const PictureModelState& s = *state_;
    if (s.classes.labels.empty())
        return Error{ErrorCode::invalid_argument, "a model that was loaded to embed has no classes", {}};
    weft_ASSIGN(const auto logits, see(pictures, progress));
    std::vector<std::vector<Guess>> all(pictures.size());
    for (size_t i = 0; i < all.size(); ++i)
        for (const Classes::One& c : s.classes.likeliest(std::span(logits).subspan(i * s.width, s.width), top))
            all[i].push_back({c.index, c.probability});
    return all;
}
weft_CATCH

Result<PictureMap> PictureModel::map(const Picture& picture) try {
    PictureModelState& s = *state_;
    if (!s.look) return Error{ErrorCode::invalid_argument, "the model was not loaded for maps", {}};
    const auto count = s.rows_of(picture);
    if (!count) return of_picture(picture, count.error());
    weft_TRY(s.make_room(*count));
    weft_ASSIGN(const auto prepared, s.prepare({&picture, 1}));
    weft_TRY(s.step(prepared));
    weft_ASSIGN(const auto rows, s.session->output(Look::kOutput));
    const Schedule& schedule = s.model->schedule;
    const auto [height, width] = prepared[0].size;
    const PatchGrid& grid = s.input().grid;
    const PictureRows patches{grid.down(height), grid.across(width)},
        own = unpadded_rows(schedule, s.look->stage, patches);
    PictureMap map{.what = s.look->what, .down = own.down, .across = own.across};
    map.values = look_values(*s.look, s.look_weights, schedule, patches, rows);
    if (!std::ranges::all_of(map.values, [](float x) { return std::isfinite(x); }))
        return of_picture(picture, {ErrorCode::not_finite, "the numbers of its map are not finite", {}});
    weft_ASSIGN(const Shown part, shown(s.settings, {picture.height, picture.width}));
    const double down = part.height / height, across = part.width / width; // of the picture's pixels in the model's
    const Places rows_at = places_down(schedule, s.look->stage), columns_at = places_across(schedule, s.look->stage);
    map.top = part.top + rows_at.first * down;
    map.left = part.left + columns_at.first * across;
    map.step_down = rows_at.step * down;
    map.step_across = columns_at.step * across;
    map.shown_top = part.top;
    map.shown_left = part.left;
    map.shown_bottom = part.top + part.height;
    map.shown_right = part.left + part.width;
    return map;
}
weft_CATCH

uint32_t PictureModel::width() const { return state_->width; }
const std::vector<std::string>& PictureModel::labels() const { return state_->classes.labels; }
uint32_t PictureModel::batch() const { return state_->asked ? state_->asked : kMostPictures; }
std::string PictureModel::architecture() const { return state_->model->schedule.architecture; }
const std::vector<std::string>& PictureModel::warnings() const { return state_->warnings; }

} // namespace weft
