// SPDX-License-Identifier: Apache-2.0
// L6: Model: loading, and what its files say.
#include "base/threads.hpp"
#include "pipelines/load.hpp"
#include "pipelines/model_state.hpp"
#include "pipelines/tasks.hpp"
#include "text/tokenizer.hpp"
#include <atomic>

namespace weft {
using namespace detail;
namespace {

// A large vocabulary takes about as long to read as the weights, and nothing of theirs: both are read at once.
class TokenizerReading {
public:
    TokenizerReading(const ModelFiles& files, const std::filesystem::path& path)
        : thread_(start_thread([this, &files, path] {
              std::error_code not_there;
              if (files.gguf()) tokenizer_ = text::tokenizer_of(*files.gguf());
              else if (std::filesystem::is_directory(path, not_there)) tokenizer_ = Tokenizer::load(path);
              else
                  tokenizer_ = Error{
                      ErrorCode::not_found, path.string() + ": there is no tokenizer; only token ids can be used", {}};
              failed_ = !tokenizer_;
          })) {}
    ~TokenizerReading() {
        if (thread_.joinable()) thread_.join();
    }
    /// Whether it is known by now that there is none.
    bool failed() const { return failed_; }
    Result<Tokenizer>& wait() {
        if (thread_.joinable()) thread_.join();
        return tokenizer_;
    }

private:
    Result<Tokenizer> tokenizer_ = Error{};
    std::atomic<bool> failed_ = false;
    std::thread thread_; // last: it uses the others
};

// How the model sees pictures. A GGUF file does it with a second one, which `files` have from then on.
Result<PictureReading> find_eyes(ModelFiles& files, const std::filesystem::path& mmproj) {
    ModelFiles both = files;
    if (files.gguf() || !mmproj.empty()) {
        weft_ASSIGN(both, files.with_mmproj(mmproj));
    }
    weft_ASSIGN(const Schedule whole, make_schedule(both));
    weft_ASSIGN(PictureReading reading, read_picture_reading(both, whole));
    files = std::move(both);
    return reading;
}

} // namespace

Result<Model> Model::load(const Device& device, const std::filesystem::path& path, const ModelOptions& options) try {
    auto state = std::make_shared<ModelState>(ModelState{device, path, {}, {}, {}});
    weft_ASSIGN(const ModelFiles given, ModelFiles::open(path));
    weft_ASSIGN(const Schedule said, make_schedule(given));
    weft_TRY(check_generates(said)); // what a model is not for is said before anything is read
    TokenizerReading reading(given, path);
    ModelFiles files = given;
    const ProgressFunction report = [&](const Progress& progress) {
        return !(options.need_tokenizer && reading.failed()) && (!options.progress || options.progress(progress));
    };
    if (options.pictures != Pictures::none) {
        state->reading = find_eyes(files, options.mmproj);
        if (!state->reading && options.pictures == Pictures::required) return state->reading.error();
    }
    const ScheduleEdit edit = state->reading ? ScheduleEdit() : text_alone(files);
    auto loaded = options.random_weights ? random_model(Access::state(device), files, options.dtype, 1, edit)
                                         : load_model(Access::state(device), files, options.dtype, report, edit);
    Result<Tokenizer>& tokenizer = reading.wait();
    if (!tokenizer && options.need_tokenizer) return tokenizer.error();
    if (tokenizer) state->tokenizer.emplace(std::move(*tokenizer));
    weft_ASSIGN(state->defaults, read_generation_defaults(files, state->tokenizer ? &*state->tokenizer : nullptr));
    weft_ASSIGN(state->loaded, std::move(loaded));
    return Model(std::move(state));
}
weft_CATCH

Result<ChatTemplate> Model::chat_template(const std::string& name) const {
    return ChatTemplate::load(state_->path, name);
}

GenerateOptions Model::generate_options() const {
    const GenerationDefaults& d = state_->defaults;
    GenerateOptions o;
    o.sampling = d.sampling;
    o.max_tokens = d.max_tokens.value_or(o.max_tokens);
    o.max_length = d.max_length;
    o.stop = d.stop;
    return o;
}

const Device& Model::device() const { return state_->device; }
const std::filesystem::path& Model::path() const { return state_->path; }
const Tokenizer* Model::tokenizer() const { return state_->tokenizer ? &*state_->tokenizer : nullptr; }
const std::vector<std::string>& Model::warnings() const { return state_->loaded->warnings; }
const std::string& Model::architecture() const { return state_->schedule().architecture; }
bool Model::answers() const { return state_->encoder(); }
bool Model::sees() const { return bool(state_->reading); }
uint32_t Model::vocabulary() const { return state_->schedule().vocabulary; }
uint32_t Model::trained_context() const { return state_->schedule().trained_context; }
uint64_t Model::parameters() const { return state_->schedule().parameters(); }
uint64_t Model::weight_bytes() const { return state_->loaded->weights.bytes(); }

} // namespace weft
