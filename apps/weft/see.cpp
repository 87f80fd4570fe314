// SPDX-License-Identifier: Apache-2.0
// weft see: pictures to classes or vectors.
#include "files.hpp"
#include "numbers.hpp"
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

namespace app {
namespace {

struct SeeFlags {
    std::string model, map;
    std::vector<std::string> pictures, texts;
    uint32_t top = 5, batch = 0;
    bool embed = false, json = false, stats = false;
    weft::WeightType dtype = weft::WeightType::stored;
    DeviceFlags device;
};

constexpr uint64_t kHeldPixels = 32 << 20; // of pictures that are held at the same time, unless the last is larger
constexpr const char* kExtensions[] = {".png", ".jpg", ".jpeg", ".webp"};

// Files, and those of folders that have a picture's name, in the order of their names.
weft::Result<std::vector<std::string>> files_of(const std::vector<std::string>& given) {
    std::vector<std::string> all;
    for (const std::string& path : given) {
        std::error_code failed;
        if (!std::filesystem::is_directory(path, failed)) {
            all.push_back(path);
            continue;
        }
        const size_t before = all.size();
        for (std::filesystem::directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed))
            if (std::ranges::find(kExtensions, CLI::detail::to_lower(it->path().extension().string())) !=
                std::end(kExtensions))
                all.push_back(it->path().string());
        if (failed) return weft::Error{weft::ErrorCode::io, path + ": cannot read: " + failed.message(), {}};
        if (all.size() == before)
            return weft::Error{weft::ErrorCode::not_found, path + ": has no .png, .jpg, .jpeg or .webp file", {}};
        std::sort(all.begin() + long(before), all.end());
    }
    return all;
}

// What the model takes.
weft::Result<weft::Picture> read_picture(const std::string& path, const weft::PictureModel& model) {
    const auto read = [&]() -> weft::Result<weft::Picture> {
        if (path != "-") return weft::Picture::load(path);
        const auto bytes = read_input();
        if (!bytes) return bytes.error();
        return weft::Picture::decode(std::as_bytes(std::span(*bytes)), "standard input");
    };
    auto picture = read();
    if (!picture) return picture;
    if (const auto taken = model.takes(*picture); !taken) return taken.error();
    return picture;
}

void print(const weft::PictureModel& model, const std::string& name, std::span<const weft::Guess> guesses, bool json) {
    auto list = nlohmann::json::array();
    std::string line = name + ":";
    for (const weft::Guess& g : guesses) {
        list.push_back({{"label", model.labels()[g.label]}, {"index", g.label}, {"probability", g.probability}});
        char share[32];
        std::snprintf(share, sizeof share, " %.4f", double(g.probability));
        line += (line.back() == ':' ? " " : "; ") + model.labels()[g.label] + share;
    }
    if (json) line = nlohmann::json{{"picture", name}, {"classes", list}}.dump();
    std::cout << line << "\n";
}

void print(const std::string& name, std::span<const float> row, bool json) {
    if (json) {
        std::cout << nlohmann::json{{"picture", name}, {"embedding", row}}.dump() << "\n";
        return;
    }
    std::cout << name << ":";
    for (const float x : row) {
        char number[32];
        std::snprintf(number, sizeof number, " %.6g", double(x));
        std::cout << number;
    }
    std::cout << "\n";
}

// Draws what the model looks at, as a PNG file.
weft::Status draw_map(weft::PictureModel& model, const weft::Picture& picture, const std::string& to) {
    const auto map = model.map(picture);
    if (!map) return map.error();
    const auto drawn = map->over(picture);
    if (!drawn) return drawn.error();
    const auto png = drawn->png();
    if (!png) return png.error();
    const std::string bytes(reinterpret_cast<const char*>(png->data()), png->size());
    if (const auto written = write_file(to, bytes); !written) return written;
    const auto [least, most] = std::ranges::minmax(map->values);
    std::fprintf(stderr, "%s: %s: %u x %u patches, from %.3g (violet) to %.3g (yellow)\n", to.c_str(),
                 map->what.c_str(), map->down, map->across, double(least), double(most));
    return weft::Ok{};
}

int run(const SeeFlags& f) {
    const auto files = files_of(f.pictures);
    if (!files) return fail(files.error());
    if (!f.map.empty() && files->size() != 1)
        return fail({weft::ErrorCode::invalid_argument,
                     "--attention-map draws one picture, and there are " + std::to_string(files->size()), {}});
    auto device = f.device.open();
    if (!device) return fail(device.error());
    const weft::ProgressFunction bar = progress_bar();
    auto model = weft::PictureModel::load(*device, f.model, {f.dtype, f.embed, f.texts, f.batch, !f.map.empty(), bar});
    if (!model) return fail(model.error());
    print_warnings(model->warnings());
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    Clock::duration decoding{};
    size_t seen = 0;
    // A batch at a time, and no more of large ones. One that is broken keeps none of the others from being seen.
    for (size_t next = 0; next < files->size();) {
        std::vector<weft::Picture> pictures;
        std::vector<std::string> names;
        uint64_t pixels = 0;
        const size_t first = next;
        const auto at = Clock::now();
        while (next < files->size() && pictures.size() < model->batch() && pixels < kHeldPixels) {
            const std::string& path = (*files)[next++];
            auto picture = read_picture(path, *model);
            if (!picture) {
                const int code = fail(picture.error());
                if (g_interrupted) return code;
                continue;
            }
            pixels += picture->pixels.size() / 3;
            names.push_back(path);
            pictures.push_back(std::move(*picture));
        }
        decoding += Clock::now() - at;
        const auto progress = [&](const weft::Progress& p) { return bar({p.stage, first + p.done, files->size()}); };
        if (f.embed) {
            const auto rows = model->see(pictures, progress);
            if (!rows) return fail(rows.error());
            end_progress();
            for (size_t i = 0; i < names.size(); ++i)
                print(names[i], std::span(*rows).subspan(i * model->width(), model->width()), f.json);
        } else {
            const auto guesses = model->classify(pictures, f.top, progress);
            if (!guesses) return fail(guesses.error());
            end_progress();
            for (size_t i = 0; i < names.size(); ++i) print(*model, names[i], (*guesses)[i], f.json);
        }
        std::cout << std::flush;
        if (!f.map.empty() && !pictures.empty())
            if (const auto drawn = draw_map(*model, pictures[0], f.map); !drawn) return fail(drawn.error());
        seen += names.size();
    }
    const auto ms = [](Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
    if (f.stats && seen) {
        const double all = ms(Clock::now() - begin);
        std::fprintf(stderr, "%zu picture%s in %.2f s: %.1f ms each, %.1f of them to decode\n", seen,
                     seen == 1 ? "" : "s", all / 1000, all / double(seen), ms(decoding) / double(seen));
    }
    return seen == files->size() ? kDone : kFailed;
}

} // namespace

Command add_see(CLI::App& root) {
    auto f = std::make_shared<SeeFlags>();
    CLI::App* app = root.add_subcommand("see", "Classes or vectors of pictures: a line each, in their order");
    app->add_option("picture", f->pictures, "PNG, JPEG or WebP files, or folders of them; '-': standard input")
        ->required();
    app->add_option("--model", f->model, "Model directory")->required();
    add_number<uint32_t>(*app, "--top", f->top, "Classes of each picture, the most probable ones", 1, kMostTokens);
    add_number<uint32_t>(*app, "--batch", f->batch, "Pictures of one step; 0: as many as fill a device", 0, 65536);
    CLI::Option* texts = app->add_option("--text", f->texts, "Classes in words, of models that compare (CLIP, SigLIP)");
    app->add_flag("--embed", f->embed, "A vector of each picture in place of classes")->excludes(texts);
    app->add_option("--attention-map", f->map,
                    "PNG file: one picture, coloured by what the last layers look at. Of models that scan: how much "
                    "the last scan adds to each patch (root mean square). Of others: the last layer's attention, mean "
                    "over heads, of the class token or the pooling query to each patch; without these, of all patches");
    app->add_flag("--json", f->json, "JSON lines: picture, and classes or embedding");
    app->add_flag("--stats", f->stats, "The time of a picture, on standard error");
    add_dtype(*app, f->dtype);
    f->device.add(*app);
    return {app, [f] { return run(*f); }};
}

} // namespace app
