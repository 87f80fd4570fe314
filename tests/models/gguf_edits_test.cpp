// SPDX-License-Identifier: Apache-2.0
// What GGUF files mean that lack keys, have numbers as arrays, or tensors that are optional: the shared goldens, edited
// in memory, against what llama.cpp computes of the same files (tests/goldens/gguf_edits.json).
#include "base/file.hpp"
#include "base/json.hpp"
#include "device.hpp"
#include "models/architecture.hpp"
#include "pipelines/load.hpp"
#include "repository.hpp"
#include "schedule/session.hpp"
#include "unit/gguf_builder.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_all.hpp>
#include <map>
#include <weft/quantize.hpp>

using namespace weft;
using namespace weft::detail;

namespace {

struct Value {
    GgufType type;
    bool array = false;
    uint64_t count = 1;
    std::string bytes;
};
struct Tensor {
    std::vector<uint64_t> shape; ///< outermost first
    std::string bytes;           ///< f32
};

// A GGUF file as parts that can be changed.
class Edited {
public:
    explicit Edited(const std::filesystem::path& path) {
        const auto file = GgufFile::open(path);
        REQUIRE(file);
        const auto text = [](std::span<const std::byte> b) {
            return std::string(reinterpret_cast<const char*>(b.data()), b.size());
        };
        for (const auto& [key, v] : file->metadata().entries())
            values_[std::string(key)] = {v.type, v.array, v.count, text(v.bytes)};
        for (const TensorView& t : file->tensors()) {
            REQUIRE(t.type == FileType::f32);
            tensors_[t.name] = {t.shape, text(t.bytes)};
        }
        prefix_ = std::string(*file->metadata().string("general.architecture")) + ".";
    }

    // ["u32", 4], or ["u32[]", [4, 4]].
    void set(const std::string& key, const Json& typed) {
        std::string name = typed[0];
        const bool array = name.ends_with("[]");
        if (array) name.resize(name.size() - 2);
        Value v{GgufType::u32, array, 0, ""};
        for (const Json& one : array ? typed[1] : Json::array({typed[1]})) {
            if (name == "str") v.type = GgufType::string, v.bytes += test::GgufBuilder::text(one.get<std::string>());
            else if (name == "f32") v.type = GgufType::f32, v.bytes += test::GgufBuilder::raw(one.get<float>());
            else if (name == "bool") v.type = GgufType::boolean, v.bytes += char(one.get<bool>());
            else v.bytes += test::GgufBuilder::raw(one.get<uint32_t>());
            ++v.count;
        }
        values_[prefix_ + key] = v;
    }

    // A key, or "*.NAME": that tensor of every layer.
    void drop(const std::string& what) {
        if (!what.starts_with("*.")) REQUIRE(values_.erase(prefix_ + what) == 1);
        else
            REQUIRE(std::erase_if(tensors_, [&](const auto& t) {
                        return t.first.starts_with("blk.") && t.first.ends_with(what.substr(1));
                    }) > 0);
    }

    // A bias, or "*.NAME": that of every layer which has the matrix.
    void bias(const std::string& what) {
        const std::string matrix = what.substr(0, what.rfind('.')) + ".weight";
        std::vector<std::string> found;
        for (const auto& [name, tensor] : tensors_)
            if (name == matrix || (matrix[0] == '*' && name.starts_with("blk.") && name.ends_with(matrix.substr(1))))
                found.push_back(name);
        if (found.empty()) found.push_back("token_embd.weight"); // which is the head too
        for (const std::string& name : found) {
            std::vector<float> values;
            for (uint64_t i = 0; i < tensors_[name].shape[0]; ++i)
                values.push_back(float(double((i * 37 + 11) % 101) / 100 - 0.5));
            add(what[0] == '*' ? name.substr(0, name.rfind('.')) + ".bias" : what, values);
        }
    }

    void divisors(const std::string& name, size_t count) {
        std::vector<float> values;
        for (size_t i = 0; i < count; ++i) values.push_back(1 + float(i) / 8);
        add(name, values);
    }

    std::string file() const {
        test::GgufBuilder b;
        for (const auto& [key, v] : values_) {
            if (v.array) b.array(key, v.type, v.count, v.bytes);
            else b.key(key, v.type, v.bytes);
        }
        for (const auto& [name, t] : tensors_) {
            b.tensor(name, t.shape, 0, b.data.size());
            b.data += t.bytes;
            b.data.resize((b.data.size() + 31) / 32 * 32);
        }
        return b.file();
    }

private:
    void add(const std::string& name, const std::vector<float>& values) {
        tensors_[name] = {{values.size()},
                          std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float))};
    }

    std::map<std::string, Value> values_;
    std::map<std::string, Tensor> tensors_;
    std::string prefix_;
};

std::string edited(const std::filesystem::path& path, const Json& row) {
    Edited e(path);
    const auto part = [&](const char* name) { return row.contains(name) ? row[name] : Json(); };
    const Json set = part("set"), divisors = part("divisors");
    for (const auto& [key, typed] : set.items()) e.set(key, typed);
    for (const Json& what : part("drop")) e.drop(what);
    for (const Json& what : part("vectors")) e.bias(what);
    for (const auto& [name, count] : divisors.items()) e.divisors(name, count);
    return e.file();
}

// What stands behind the prompt, at every eighth of the vocabulary.
std::vector<float> logits_of(const std::filesystem::path& path, std::vector<uint32_t> prompt) {
    const auto files = ModelFiles::open(path);
    REQUIRE(files);
    const auto model = load_model(detail::Access::state(test::device()), *files, WeightType::stored, {});
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    const auto session = Session::create(*model, {.context = 32});
    REQUIRE(session);
    const uint32_t vocabulary = (*model)->schedule.vocabulary;
    for (uint32_t& id : prompt) id %= vocabulary;
    const Feed feed{0, prompt, 0};
    REQUIRE((*session)->forward(std::span(&feed, 1), Want::last));
    const auto logits = (*session)->logits();
    REQUIRE(logits);
    std::vector<float> some;
    for (uint32_t i = 0; i < 8; ++i) some.push_back(logits->at(i * (vocabulary / 8)));
    return some;
}

Json recorded() {
    const auto path = weft::test::repository() / "tests/goldens/gguf_edits.json";
    const auto text = read_file(path);
    REQUIRE(text);
    const auto json = parse_json(*text, path.string());
    REQUIRE(json);
    return *json;
}

std::string title(const Json& row) {
    std::string what = row["model"].get<std::string>() + ": " + row["rule"].get<std::string>();
    for (const char* list : {"drop", "vectors"})
        if (row.contains(list)) what += ", " + row[list][0].get<std::string>();
    return what;
}

} // namespace

TEST_CASE("edited GGUF files mean what they mean to llama.cpp", "[models]") {
    const Json all = recorded();
    const auto prompt = all["prompt"].get<std::vector<uint32_t>>();
    const test::TemporaryDirectory folder;
    for (const Json& row : all["rows"]) {
        if (!row.contains("logits")) continue;
        DYNAMIC_SECTION(title(row)) {
            const std::string name = row["model"];
            const bool directory = !std::filesystem::exists(test::goldens() / "gguf" / name);
            weft_GOLDEN(golden, directory ? name : "gguf/" + name + "/model.gguf");
            const auto model = directory ? folder / "whole.gguf" : golden;
            if (directory) REQUIRE(quantize(golden, model, {.type = "f32"}));
            // llama.cpp takes GELU from a table of halves.
            const double tolerance = name.starts_with("gemma") ? 2e-2 : 2e-4;
            const auto logits = logits_of(folder.write("model.gguf", edited(model, row)), prompt);
            REQUIRE(logits.size() == row["logits"].size());
            for (size_t i = 0; i < logits.size(); ++i)
                CHECK(std::abs(double(logits[i]) - row["logits"][i].get<double>()) <= tolerance);
        }
    }
}

TEST_CASE("edited GGUF files are refused by the key that is wrong", "[models]") {
    const test::TemporaryDirectory folder;
    const Json all = recorded();
    for (const Json& row : all["rows"]) {
        if (!row.contains("refused")) continue;
        DYNAMIC_SECTION(title(row)) {
            weft_GOLDEN(model, "gguf/" + row["model"].get<std::string>() + "/model.gguf");
            const auto files = ModelFiles::open(folder.write("model.gguf", edited(model, row)));
            REQUIRE(files);
            const auto schedule = make_schedule(*files);
            REQUIRE_FALSE(schedule);
            CHECK_THAT(schedule.error().message,
                       Catch::Matchers::ContainsSubstring("." + row["refused"].get<std::string>() + "'"));
        }
    }
}
