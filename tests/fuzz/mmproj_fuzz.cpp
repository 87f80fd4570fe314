// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes, and zeros behind them, as a GGUF file with a tower (mmproj) beside each text that has one.
// What becomes a schedule fits the tensors or says which does not, and pictures can be prepared for it, or a message
// says what is wrong.
#include "base/check.hpp"
#include "base/file.hpp"
#include "media/picture_processor.hpp"
#include "models/gguf_tower.hpp"
#include "repository.hpp"
#include "schedule/weights.hpp"
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace weft;
using namespace weft::detail;

namespace {

constexpr size_t kTensorBytes = 320 << 10; // enough for those of the corpus, whose files end where they begin
constexpr size_t kMostMessage = 16384;
constexpr uint32_t kMostSide = 2048; // of pictures that are prepared; larger ones only take time

// Texts of all models that files with towers are for.
const std::vector<ModelFiles>& texts() {
    static const auto all = [] {
        std::vector<ModelFiles> models;
        for (const char* name : {"gemma3", "llama4", "llava", "mistral3", "qwen3_vl"}) {
            auto files = ModelFiles::open(test::repository() / "tests/goldens/pictured" / name / "model.gguf");
            weft_CHECK(bool(files), "the repository has the texts");
            models.push_back(std::move(*files));
        }
        return models;
    }();
    return all;
}

// The path of a file with the input, which towers are mapped from; gone with the process.
class InputFile {
public:
    InputFile()
        : path_(std::filesystem::temp_directory_path() / ("weft-mmproj-" + std::to_string(::getpid()) + ".gguf")) {}
    ~InputFile() { std::remove(path_.c_str()); }
    const std::filesystem::path& write(const uint8_t* data, size_t size) const {
        std::ofstream file(path_, std::ios::binary | std::ios::trunc);
        file.write(reinterpret_cast<const char*>(data), std::streamsize(size));
        static const std::vector<char> zeros(kTensorBytes);
        file.write(zeros.data(), std::streamsize(zeros.size()));
        weft_CHECK(bool(file.flush()), "the input can be written");
        return path_;
    }

private:
    const std::filesystem::path path_;
};

void check(const Error& error) {
    weft_CHECK(!error.message.empty() && error.text().size() < kMostMessage, "a message is there, and short");
    weft_CHECK(error.code != ErrorCode::internal, "what files hold is no error of weft's");
}

void prepare(const ModelFiles& both) {
    const auto whole = gguf_whole(both);
    if (!whole) return check(whole.error());
    const auto settings = read_picture_settings(JsonObject(whole->preparing, "input"));
    if (!settings) return check(settings.error());
    const Picture picture{"picture", 3, 5, std::vector<uint8_t>(3 * 5 * 3, 77)};
    const auto size = prepared_size(*settings, {picture.height, picture.width});
    if (!size) return check(size.error());
    if (size->height > kMostSide || size->width > kMostSide) return;
    const auto values = prepared(*settings, picture);
    if (!values) return check(values.error());
    const size_t pieces = pieces_of(*settings, {picture.height, picture.width}).count();
    weft_CHECK(values->size() == pieces * 3 * size->height * size->width, "all pixels are there");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const InputFile input;
    const auto& path = input.write(data, size);
    for (const ModelFiles& text : texts()) {
        const auto both = text.with_mmproj(path);
        if (!both) {
            check(both.error());
            continue;
        }
        const auto schedule = make_schedule(*both);
        if (!schedule) check(schedule.error());
        else
            for (const std::string& problem : check_weights(schedule->weights, *both))
                weft_CHECK(!problem.empty() && problem.size() < kMostMessage, "a problem is said, and shortly");
        prepare(*both);
    }
    return 0;
}
