// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule_short.hpp"
#include "schedule/decoder.hpp"

namespace weft::detail {
namespace {

// Long beginnings of paths and names, and the short ones; the first that fits is taken.
constexpr std::pair<const char*, const char*> kPlaces[] = {
    {"stages[0].first[0].branches[0]", "embedding"},
    {"first.0.branches.0.", "embedding."},
    {"stages[1].first[0].pre", "head.norm"},
    {"head.first.0.pre.", "head.norm."},
    {"stages[1].first[0].branches[0]", "head"},
    {"head.first.0.branches.0.", "head."},
    {"stages[1].streams[0].width", "vocabulary"},
    {"stages[0].", ""},
    {"stages[1].", ""},
};

Json taken(Json& from, const char* key) {
    const auto it = from.find(key);
    if (it == from.end()) return nullptr;
    Json value = std::move(*it);
    from.erase(it);
    return value;
}

} // namespace

bool is_short_form(const Json& schedule) { return !schedule.contains("stages"); }

Json long_form_of(const Json& short_form) {
    Json s = short_form;
    const Json width = taken(s, "width"), streams = taken(s, "streams"), layers = taken(s, "layers"),
               blocks = taken(s, "blocks");
    Json embedding = taken(s, "embedding"), head = taken(s, "head");
    if (embedding.is_null()) embedding = Json::object();
    if (embedding.is_object()) embedding["op"] = EmbedSpec::name;
    if (head.is_null()) head = Json::object();
    Json norm = head.is_object() ? taken(head, "norm") : Json();
    if (head.is_object()) head["op"] = LinearSpec::name;
    Json decoder = {{"name", kDecoder},
                    {"first", {{{"read", Json::array()}, {"base", "none"}, {"branches", Json::array({embedding})}}}}};
    if (!width.is_null()) decoder["width"] = width;
    if (!streams.is_null()) decoder["streams"] = streams;
    if (!layers.is_null()) decoder["layers"] = layers;
    Json logits = {{"write", kLogits}, {"base", "none"}, {"branches", Json::array({head})}};
    if (!norm.is_null()) logits["pre"] = norm;
    Json stream = {{"name", kLogits}};
    if (const auto it = s.find("vocabulary"); it != s.end()) stream["width"] = *it;
    Json last = {{"name", kHead},
                 {"rows", {{"of", "wanted"}, {"from", kDecoder}}},
                 {"streams", Json::array({stream})},
                 {"first", Json::array({logits})}};
    if (!width.is_null()) last["width"] = width;
    s["stages"] = Json::array({decoder, last});
    s["outputs"] = Json::array({{{"name", kLogits}, {"stage", kHead}, {"stream", kLogits}}});
    if (!blocks.is_null()) s["blocks"] = blocks;
    return s;
}

std::string short_path_of(std::string path) {
    for (const auto& [place, shorter] : kPlaces)
        if (path.starts_with(place)) return path.replace(0, std::string_view(place).size(), shorter);
    return path;
}

} // namespace weft::detail
