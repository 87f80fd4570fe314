// SPDX-License-Identifier: Apache-2.0
// Schedules of version 1: a block had an input and an output out of four and two words, for a copy of the embedding and
// one value beside the residual stream; a piece of a weight took rows from a first one on, and transposing was a
// transform.
#include "schedule/schedule_json.hpp"

namespace weft::detail {
namespace {

constexpr const char *kSide = "side", *kEmbedding = "embedding";

class Upgrade {
public:
    void block(Json& block) {
        if (!block.is_object()) return;
        const auto take = [&](const char* key, const char* word) {
            const auto it = block.find(key);
            if (it == block.end() || *it != word) return false;
            block.erase(it);
            return true;
        };
        if (take("input", "side")) read(block, {kSide});
        else if (take("input", "residual_plus_side")) read(block, {"x", kSide});
        else if (take("input", "residual_and_embedding")) {
            block["read"] = {"x", kEmbedding};
            block["join"] = "columns";
            embedding_ = true;
        } else take("input", "residual");
        if (take("output", "side")) {
            block["write"] = kSide;
            block["base"] = "none";
            side_ = true;
        } else take("output", "add_to_residual");
    }
    void layers(Json& entries) {
        if (!entries.is_array()) return;
        for (Json& entry : entries) {
            if (!entry.is_object()) continue;
            if (const auto blocks = entry.find("blocks"); blocks != entry.end() && blocks->is_array())
                for (Json& one : *blocks) block(one);
            if (const auto inner = entry.find("layers"); inner != entry.end()) layers(*inner);
        }
    }
    Json streams() const {
        Json list = Json::array();
        if (embedding_) list.push_back({{"name", kEmbedding}, {"start", "input"}});
        if (side_) list.push_back({{"name", kSide}});
        return list;
    }

private:
    void read(Json& block, const Json& streams) {
        block["read"] = streams;
        side_ = true;
    }
    bool embedding_ = false, side_ = false;
};

// "first_row" and "rows" (none: all of them) are a view of one axis. "zipped", which needs to know how many rows there
// are, is left for the reader to refuse.
void upgrade_pieces(Json& layout) {
    if (!layout.is_object()) return;
    if (const auto pieces = layout.find("pieces"); pieces != layout.end() && pieces->is_array())
        for (Json& piece : *pieces) {
            if (!piece.is_object()) continue;
            const Json first = piece.value("first_row", Json(0)), rows = piece.value("rows", Json(0));
            piece.erase("first_row");
            piece.erase("rows");
            if (first != 0 || rows != 0) piece["rows"] = {{"first", first}, {"axes", {{{"count", rows}}}}};
            if (piece.value("transform", Json()) == "transpose") {
                piece.erase("transform");
                piece["order"] = kTransposed;
            }
        }
    if (const auto others = layout.find("alternatives"); others != layout.end() && others->is_array())
        for (Json& other : *others) upgrade_pieces(other);
}

} // namespace

Json version_2_of(const Json& version_1) {
    Json s = version_1;
    s[kScheduleKey] = kScheduleVersion;
    Upgrade upgrade;
    if (const auto blocks = s.find("blocks"); blocks != s.end() && blocks->is_object())
        for (Json& block : *blocks) upgrade.block(block);
    if (const auto layers = s.find("layers"); layers != s.end()) upgrade.layers(*layers);
    if (const auto weights = s.find("weights"); weights != s.end() && weights->is_object())
        for (Json& layout : *weights) upgrade_pieces(layout);
    if (Json streams = upgrade.streams(); !streams.empty()) s["streams"] = std::move(streams);
    return s;
}

} // namespace weft::detail
